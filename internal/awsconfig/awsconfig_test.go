package awsconfig

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chime-offboarding/internal/chime"
	"chime-offboarding/internal/failure"
	"chime-offboarding/internal/queue"
	"chime-offboarding/internal/suspension"
)

const timeout = 10 * time.Second

type environment map[string]string

// set makes it the whole environment of the process.
func (e environment) set() {
	os.Clearenv()
	for name, value := range e {
		os.Setenv(name, value)
	}
}

// restore puts the environment of the process back when the test is over.
func restore(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	t.Cleanup(os.Clearenv) // It runs before the variables are set again.
}

func load(context.Context) (aws.Config, error) { return Load(timeout) }

// oracle is what Load is measured against: the SDK, without what a function does not have.
func oracle(ctx context.Context) (aws.Config, error) {
	return config.LoadDefaultConfig(ctx,
		config.WithSharedConfigFiles([]string{}),
		config.WithSharedCredentialsFiles([]string{}),
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(timeout)),
	)
}

// outcome is all that an environment makes of the two clients.
type outcome struct {
	Refused     bool // The other fields are then empty.
	Transport   transport
	Clock       bool // corrected
	Logger      string
	Chime, SQS  []string // Requests without their bodies.
	ChimeFailed string
	SQSFailed   string
}

// sees returns what comes of a loader, at a time and with random numbers that are the same for each, so that
// signatures are too.
func sees(t *testing.T, e environment, load func(context.Context) (aws.Config, error)) (o outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, 1)
		e.set()
		cfg, err := load(t.Context())
		if err != nil {
			o.Refused = true
			return
		}
		o.Transport = transportOf(t, cfg.HTTPClient)
		o.Clock = !cfg.DisableClockSkewCorrection
		o.Logger = fmt.Sprintf("%T", cfg.Logger)

		var sent recorder
		cfg.HTTPClient = &sent
		_, err = chime.NewClient(cfg).Suspend(t.Context(), "acme", []*suspension.User{{ID: "ada"}})
		o.Chime, o.ChimeFailed = sent.requests, message(err)

		sent = recorder{}
		letters := &url.URL{Scheme: "https", Host: "queue.test", Path: "/123456789012/letters"}
		queue.NewClient(cfg, letters).SendLetters(t.Context(), 1,
			func(int) queue.Letter {
				return queue.Letter{Body: "{}", ErrorCode: "NotFound", Source: &queue.Record{}}
			},
			func(_ int, err error) { o.SQSFailed = message(err) })
		for _, request := range sent.requests { // The attributes of a letter have no order, and are signed.
			o.SQS = append(o.SQS, signature.ReplaceAllString(request, ""))
		}
	})
	return o
}

var signature = regexp.MustCompile("Signature=[0-9a-f]{64}")

// message returns the text of an error, or what is the same about the errors of providers.
func message(err error) string {
	if failure.NoCredentials(err) {
		return "no credentials"
	}
	return err.Error()
}

// transport is what an HTTP client was told.
type transport struct {
	Timeout     time.Duration
	Roots       any // *x509.CertPool, which has Equal
	MinVersion  uint16
	Connections int
}

func transportOf(t *testing.T, client aws.HTTPClient) transport {
	t.Helper()
	buildable, ok := client.(*awshttp.BuildableClient)
	if !ok {
		t.Fatalf("the HTTP client is a %T, want the SDK's own", client)
	}
	of := buildable.GetTransport()
	return transport{buildable.GetTimeout(), of.TLSClientConfig.RootCAs, of.TLSClientConfig.MinVersion, of.MaxConnsPerHost}
}

// recorder keeps requests, and answers each with a refusal that nobody tries again.
type recorder struct{ requests []string }

func (r *recorder) Do(request *http.Request) (*http.Response, error) {
	var header strings.Builder
	if err := request.Header.Write(&header); err != nil {
		return nil, err
	}
	r.requests = append(r.requests, fmt.Sprintf("%s %s\n%s", request.Method, request.URL, &header))
	return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: request}, nil
}

// role is what Lambda sets.
func role(others environment) environment {
	e := environment{
		"AWS_REGION":            "eu-west-1",
		"AWS_ACCESS_KEY_ID":     "AKIDROLE",
		"AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_SESSION_TOKEN":     "token",
	}
	maps.Copy(e, others)
	return e
}

// TestLoad says where the requests go and who signs them, for here and for the SDK alike.
func TestLoad(t *testing.T) {
	restore(t)
	const (
		realChime = "https://chime.us-east-1.amazonaws.com" // It is in no other region.
		realSQS   = "https://sqs.eu-west-1.amazonaws.com"
	)
	without := func(names ...string) environment {
		e := role(nil)
		for _, name := range names {
			delete(e, name)
		}
		return e
	}
	for name, test := range map[string]struct {
		environment environment
		chime, sqs  string   // where to; empty where no request is made
		has         []string // what each request has
	}{
		"what Lambda sets": {
			role(nil), realChime, realSQS, []string{"X-Amz-Security-Token: token\r\n"},
		},
		"the user agent's additions": {
			role(environment{"AWS_SDK_UA_APP_ID": "offboarding", "AWS_EXECUTION_ENV": "AWS_Lambda_go"}),
			realChime, realSQS, []string{" app/offboarding", "exec-env/AWS_Lambda_go"},
		},
		"no session token": {
			role(environment{"AWS_SESSION_TOKEN": ""}), realChime, realSQS, nil,
		},
		"the old names": {
			environment{"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY": "AKIDROLE", "AWS_SECRET_KEY": "secret"}, realChime, realSQS, nil,
		},
		"old names beside the new": {
			role(environment{"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY": "AKIDOTHER", "AWS_SECRET_KEY": "other"}), realChime, realSQS, nil,
		},
		"one endpoint for all": {
			role(environment{"AWS_ENDPOINT_URL": "http://all.test/path"}), "http://all.test/path", "http://all.test/path", nil,
		},
		"an endpoint for each": {
			role(environment{"AWS_ENDPOINT_URL_CHIME": "http://chime.test", "AWS_ENDPOINT_URL_SQS": "http://sqs.test"}),
			"http://chime.test", "http://sqs.test", nil,
		},
		"one endpoint for Chime, another for the others": {
			role(environment{"AWS_ENDPOINT_URL": "http://all.test", "AWS_ENDPOINT_URL_CHIME": "http://chime.test"}),
			"http://chime.test", "http://all.test", nil,
		},
		"endpoints that are ignored": {
			role(environment{
				"AWS_ENDPOINT_URL":                    "http://all.test",
				"AWS_ENDPOINT_URL_SQS":                "http://sqs.test",
				"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True",
			}), realChime, realSQS, nil,
		},
		"endpoints that are not ignored": {
			role(environment{"AWS_ENDPOINT_URL": "http://all.test", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "FALSE"}),
			"http://all.test", "http://all.test", nil,
		},
		"FIPS": {
			role(environment{"AWS_USE_FIPS_ENDPOINT": "TRUE"}),
			"https://chime-fips.eu-west-1.amazonaws.com", "https://sqs-fips.eu-west-1.amazonaws.com", nil,
		},
		"dual stack": {
			role(environment{"AWS_USE_DUALSTACK_ENDPOINT": "true"}),
			"https://chime.eu-west-1.api.aws", "https://sqs.eu-west-1.api.aws", nil,
		},
		"FIPS and an endpoint":       {role(environment{"AWS_USE_FIPS_ENDPOINT": "true", "AWS_ENDPOINT_URL": "http://all.test"}), "", "", nil},
		"dual stack and an endpoint": {role(environment{"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_ENDPOINT_URL": "http://all.test"}), "", "", nil},
		"no key ID":                  {without("AWS_ACCESS_KEY_ID"), "", "", nil},
		"no secret key":              {without("AWS_SECRET_ACCESS_KEY"), "", "", nil},
		"a clock that is not corrected": {
			role(environment{"AWS_DISABLE_CLOCK_SKEW_CORRECTION": "true"}), realChime, realSQS, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := sees(t, test.environment, load)
			if diff := cmp.Diff(sees(t, test.environment, oracle), got); diff != "" {
				t.Errorf("the SDK's configuration does otherwise (-SDK +got):\n%s", diff)
			}
			check := func(service, to, path, scope string, requests []string) {
				t.Helper()
				if to == "" {
					if len(requests) > 0 {
						t.Errorf("%s gets %q, want nothing", service, requests)
					}
					return
				}
				if len(requests) != 1 || !strings.HasPrefix(requests[0], "POST "+to+path) {
					t.Fatalf("%s gets %q, want one request to %s", service, requests, to+path)
				}
				for _, want := range append(test.has, "Credential=AKIDROLE/20000101/"+scope+"/aws4_request") {
					if !strings.Contains(requests[0], want) {
						t.Errorf("%s gets %q, want it to have %q", service, requests[0], want)
					}
				}
			}
			chimeRegion := "eu-west-1"
			if test.chime == realChime {
				chimeRegion = "us-east-1"
			}
			check("Chime", test.chime, "/accounts/acme/users?operation=suspend\n", chimeRegion+"/chime", got.Chime)
			check("SQS", test.sqs, "", "eu-west-1/sqs", got.SQS)
		})
	}
}

// TestLoadAsTheSDK makes environments up.
func TestLoadAsTheSDK(t *testing.T) {
	restore(t)
	certificate, _ := certificate(t)
	switches := []string{"true", "TRUE", "False", "false", "perhaps", " true"}
	urls := []string{"http://127.0.0.1:8080", "https://service.test/path/", "queue.test", "http://[", "%"}
	regions := []string{"us-east-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "fips-us-east-1", "nowhere", "not a host"}
	values := map[string][]string{
		"AWS_REGION":                          regions,
		"AWS_DEFAULT_REGION":                  regions,
		"AWS_ACCESS_KEY_ID":                   {"AKIDA"},
		"AWS_ACCESS_KEY":                      {"AKIDB"},
		"AWS_SECRET_ACCESS_KEY":               {"secret A"},
		"AWS_SECRET_KEY":                      {"secret B"},
		"AWS_SESSION_TOKEN":                   {"token"},
		"AWS_ENDPOINT_URL":                    urls,
		"AWS_ENDPOINT_URL_CHIME":              urls,
		"AWS_ENDPOINT_URL_SQS":                urls,
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": switches,
		"AWS_USE_FIPS_ENDPOINT":               switches,
		"AWS_USE_DUALSTACK_ENDPOINT":          switches,
		"AWS_DISABLE_CLOCK_SKEW_CORRECTION":   switches,
		"AWS_CA_BUNDLE":                       {certificate, os.DevNull, certificate + "-none"},
		"AWS_SDK_UA_APP_ID":                   {"offboarding", "an app/2"},
		"AWS_EXECUTION_ENV":                   {"AWS_Lambda_go"},
		"AWS_LAMBDA_FUNCTION_NAME":            {"suspend-users"},
		"_X_AMZN_TRACE_ID":                    {"Root=1-2-3"},
		// What the SDK reads and neither client heeds.
		"AWS_RETRY_MODE":                         {"standard", "adaptive"},
		"AWS_MAX_ATTEMPTS":                       {"1", "7"},
		"AWS_DEFAULTS_MODE":                      {"standard", "in-region", "mobile"},
		"AWS_ACCOUNT_ID":                         {"123456789012"},
		"AWS_ACCOUNT_ID_ENDPOINT_MODE":           {"required"},
		"AWS_REQUEST_CHECKSUM_CALCULATION":       {"when_required"},
		"AWS_RESPONSE_CHECKSUM_VALIDATION":       {"when_required"},
		"AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": {"1"},
		"AWS_AUTH_SCHEME_PREFERENCE":             {"sigv4a", "httpBearerAuth,sigv4"},
		"AWS_ENABLE_ENDPOINT_DISCOVERY":          {"true"},
		"AWS_EC2_METADATA_DISABLED":              {"false"},
	}
	names := slices.Sorted(maps.Keys(values))
	refused, sent := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		e := environment{}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 12, rapid.ID).Draw(rt, "variables") {
			e[name] = rapid.SampledFrom(append(values[name], "")).Draw(rt, name)
		}
		if rapid.Bool().Draw(rt, "role") {
			e = role(e)
		}
		want, got := sees(t, e, oracle), sees(t, e, load)
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Errorf("the SDK's configuration does otherwise (-SDK +got):\n%s", diff)
		}
		if got.Refused {
			refused++
		}
		sent += len(got.Chime) + len(got.SQS)
	})
	if refused == 0 || sent == 0 {
		t.Errorf("%d environments were refused and %d requests sent, want some of each", refused, sent)
	}
}

// TestUnlikeTheSDK is about what the SDK refuses at the start or gets from elsewhere, and a function does without.
func TestUnlikeTheSDK(t *testing.T) {
	restore(t)
	t.Run("bad values of what is not read", func(t *testing.T) {
		for name, value := range map[string]string{
			"AWS_RETRY_MODE":                   "perhaps",
			"AWS_MAX_ATTEMPTS":                 "many",
			"AWS_DEFAULTS_MODE":                "perhaps",
			"AWS_ACCOUNT_ID_ENDPOINT_MODE":     "perhaps",
			"AWS_REQUEST_CHECKSUM_CALCULATION": "perhaps",
			"AWS_PROFILE":                      "somebody",
		} {
			e := role(environment{name: value})
			if !sees(t, e, oracle).Refused {
				t.Errorf("the SDK takes %s=%s: it is no longer a difference", name, value)
			}
			if diff := cmp.Diff(sees(t, role(nil), load), sees(t, e, load)); diff != "" {
				t.Errorf("%s=%s makes a difference (-without +with):\n%s", name, value, diff)
			}
		}
	})
	t.Run("other sources of credentials", func(t *testing.T) {
		asked := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("credentials were asked for") }))
		defer asked.Close()
		for name, value := range map[string]string{
			"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/credentials",
			"AWS_WEB_IDENTITY_TOKEN_FILE":            os.DevNull,
		} {
			e := environment{"AWS_REGION": "eu-west-1", name: value}
			e.set()
			cfg, err := Load(timeout)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := chime.NewClient(cfg).Suspend(t.Context(), "acme", []*suspension.User{{ID: "ada"}})
			if !failure.NoCredentials(err) || answer.Effect != suspension.StopEvent {
				t.Errorf("with %s a call ends with effect %v and error %v, want no credentials and the event's end", name, answer.Effect, err)
			}
			const want = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set, nor is AWS_CONTAINER_CREDENTIALS_FULL_URI, and no other source is read"
			if !strings.Contains(err.Error(), want) {
				t.Errorf("with %s the error is %q, want it to say %q", name, err, want)
			}
		}
	})
}

// TestContainerCredentials has an endpoint give the credentials, which wants a token.
func TestContainerCredentials(t *testing.T) {
	restore(t)
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "the token" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"AccessKeyId": "AKIDCONTAINER", "SecretAccessKey": "secret", "Token": "token", "Expiration": "2999-01-01T00:00:00Z"}`)
	}))
	defer endpoint.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("the token"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(uri string, others environment) environment {
		e := environment{"AWS_REGION": "eu-west-1", "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri}
		maps.Copy(e, others)
		return e
	}
	token := environment{"AWS_CONTAINER_AUTHORIZATION_TOKEN": "the token"}
	for name, test := range map[string]struct {
		environment environment
		want        string
	}{
		"with the token":       {with(endpoint.URL, token), "AKIDCONTAINER"},
		"with its file":        {with(endpoint.URL, environment{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file}), "AKIDCONTAINER"},
		"without it":           {with(endpoint.URL, nil), "no credentials"},
		"without its file":     {with(endpoint.URL, environment{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file + "-none"}), "no credentials"},
		"by name":              {with(strings.Replace(endpoint.URL, "127.0.0.1", "localhost", 1), token), "AKIDCONTAINER"},
		"beside keys":          {role(with(endpoint.URL, token)), "AKIDROLE"},
		"of another machine":   {with("http://192.0.2.1/credentials", token), "refused"},
		"of no machine":        {with("http:///credentials", token), "refused"},
		"that cannot be a URL": {with("http://[", token), "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			test.environment.set()
			for who, load := range map[string]func(context.Context) (aws.Config, error){"the SDK": oracle, "Load": load} {
				got := "refused"
				if cfg, err := load(t.Context()); err == nil {
					credentials, err := cfg.Credentials.Retrieve(t.Context())
					if got = credentials.AccessKeyID; err != nil {
						got = "no credentials"
					}
				}
				if got != test.want {
					t.Errorf("%s has %q, want %q", who, got, test.want)
				}
			}
		})
	}
}

func TestLoadSaysAllThatIsWrong(t *testing.T) {
	restore(t)
	e := environment{
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "a",
		"AWS_USE_FIPS_ENDPOINT":               "1",
		"AWS_USE_DUALSTACK_ENDPOINT":          "yes",
		"AWS_DISABLE_CLOCK_SKEW_CORRECTION":   "no",
		"AWS_CA_BUNDLE":                       os.DevNull,
	}
	e.set()
	_, err := Load(timeout)
	want := strings.Join([]string{
		"AWS_CA_BUNDLE is of no use: " + os.DevNull + " has no certificate: name a PEM file that has one",
		`AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is "a": set it to true or false`,
		`AWS_USE_FIPS_ENDPOINT is "1": set it to true or false`,
		`AWS_USE_DUALSTACK_ENDPOINT is "yes": set it to true or false`,
		`AWS_DISABLE_CLOCK_SKEW_CORRECTION is "no": set it to true or false`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got error\n%v\nwant\n%s", err, want)
	}
}

// TestCertificateAuthority makes a real connection, which only the bundle makes possible.
func TestCertificateAuthority(t *testing.T) {
	restore(t)
	path, server := certificate(t)
	for name, test := range map[string]struct {
		environment environment
		trusted     bool
	}{
		"in the bundle": {environment{"AWS_CA_BUNDLE": path}, true},
		"unknown":       {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			test.environment.set()
			cfg, err := Load(timeout)
			if err != nil {
				t.Fatal(err)
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := cfg.HTTPClient.Do(request)
			if err == nil {
				response.Body.Close()
			}
			if trusted := err == nil; trusted != test.trusted {
				t.Errorf("the server's certificate is trusted: %v (%v), want %v", trusted, err, test.trusted)
			}
		})
	}
}

// certificate returns the path of a server's certificate, and the server's URL.
func certificate(t *testing.T) (path, server string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // It tells of clients that do not trust it.
	s.StartTLS()
	t.Cleanup(s.Close)
	path = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, s.URL
}
