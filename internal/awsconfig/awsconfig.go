// Package awsconfig is the AWS SDK's configuration of a Lambda function, which is told everything in environment variables.
//
// The SDK's own package config gives the same, but links the clients of IAM Identity Center, STS and EC2's instance
// metadata, none of which a function needs: a quarter of the worker's start, some 0.9 ms, and 0.6 MB of its zipped binary.
// The tests hold this package to what that one gives.
package awsconfig

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/smithy-go/logging"
)

// Load returns the configuration that the environment asks for, or every problem with it. Requests, each an attempt of a
// call, take at most the timeout. As to the SDK, a variable that is empty counts as not set. AWS_RETRY_MODE, AWS_MAX_ATTEMPTS
// and AWS_DEFAULTS_MODE are not read: the worker has retryers and time limits of its own.
func Load(timeout time.Duration) (aws.Config, error) {
	var problems []error
	enabled := func(name string) bool {
		value := os.Getenv(name)
		isTrue := strings.EqualFold(value, "true")
		if value != "" && !isTrue && !strings.EqualFold(value, "false") {
			problems = append(problems, fmt.Errorf("%s is %q: set it to true or false", name, value))
		}
		return isTrue
	}
	client, err := newHTTPClient(timeout, os.Getenv("AWS_CA_BUNDLE"))
	if err != nil {
		problems = append(problems, fmt.Errorf("AWS_CA_BUNDLE is of no use: %w", err))
	}
	credentials, err := readCredentials()
	if err != nil {
		problems = append(problems, err)
	}
	sources := endpoints{
		ignored:   enabled("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
		fips:      enabled("AWS_USE_FIPS_ENDPOINT"),
		dualStack: enabled("AWS_USE_DUALSTACK_ENDPOINT"),
	}
	cfg := aws.Config{
		Region:                     cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
		Credentials:                credentials,
		HTTPClient:                 client,
		ConfigSources:              []any{sources},
		Logger:                     logging.NewStandardLogger(os.Stderr),
		AppID:                      os.Getenv("AWS_SDK_UA_APP_ID"),
		DisableClockSkewCorrection: enabled("AWS_DISABLE_CLOCK_SKEW_CORRECTION"),
	}
	if url := os.Getenv("AWS_ENDPOINT_URL"); url != "" && !sources.ignored {
		cfg.BaseEndpoint = &url
	}
	return cfg, errors.Join(problems...)
}

// newHTTPClient returns the SDK's HTTP client, which trusts the authorities of a PEM file instead of the system's if there
// is one. It is here because the SDK does that in its package config.
func newHTTPClient(timeout time.Duration, bundle string) (aws.HTTPClient, error) {
	client := awshttp.NewBuildableClient().WithTimeout(timeout)
	if bundle == "" {
		return client, nil
	}
	text, err := os.ReadFile(bundle) //nolint:gosec // Whoever sets the path owns the function.
	if err != nil {
		return nil, fmt.Errorf("reading it: %w: name a PEM file that is in the function", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate: name a PEM file that has one", bundle)
	}
	return client.WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig.RootCAs = roots }), nil
}

// readCredentials returns the role's credentials. Lambda sets them, and never changes them: hence no cache, no expiry. Where it
// gives an endpoint instead, as with SnapStart (https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html), they are
// asked for there. The SDK's chain has more, which no function has.
func readCredentials() (aws.CredentialsProvider, error) {
	credentials := aws.Credentials{
		AccessKeyID:     cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_ACCESS_KEY")),
		SecretAccessKey: cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SECRET_KEY")),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if endpoint := os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"); endpoint != "" && !credentials.HasKeys() {
		return containerCredentials(endpoint)
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		if !credentials.HasKeys() {
			return aws.Credentials{}, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set, nor is AWS_CONTAINER_CREDENTIALS_FULL_URI, and no other source is read")
		}
		return credentials, nil
	}), nil
}

// containerCredentials returns those of an endpoint, which are renewed five minutes before they expire, as the SDK does. Without
// TLS the endpoint has to be on this machine.
func containerCredentials(endpoint string) (aws.CredentialsProvider, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("AWS_CONTAINER_CREDENTIALS_FULL_URI is %q: set it to an https URL, or one of this machine", endpoint)
	}
	provider := endpointcreds.New(endpoint, func(o *endpointcreds.Options) {
		o.AuthorizationToken = os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
		if file := os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
			o.AuthorizationTokenProvider = endpointcreds.TokenProviderFunc(func() (string, error) {
				token, err := os.ReadFile(file) //nolint:gosec // Whoever sets the path owns the function.
				return string(token), err
			})
		}
	})
	return aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 5 * time.Minute }), nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// endpoints answers what service clients ask the SDK's sources of a configuration, since aws.Config has no field for it.
type endpoints struct{ ignored, fips, dualStack bool }

// GetServiceBaseEndpoint returns the URL that is set for one service.
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	url := os.Getenv("AWS_ENDPOINT_URL_" + strings.ToUpper(sdkID))
	return url, url != "" && !e.ignored, nil
}

// GetUseFIPSEndpoint says whether to call endpoints with validated cryptography.
func (e endpoints) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, e.fips, nil
}

// GetUseDualStackEndpoint says whether to call endpoints that have IPv6 too.
func (e endpoints) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateEnabled, e.dualStack, nil
}
