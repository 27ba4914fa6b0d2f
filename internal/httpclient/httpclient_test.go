package httpclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// capture keeps the body of a request as net/http would get it.
type capture struct{ body io.ReadCloser }

var errCaptured = errors.New("captured")

func (c *capture) Do(r *http.Request) (*http.Response, error) {
	c.body = r.Body
	return nil, errCaptured
}

// send returns the body of a call's request, closed by the SDK as it is once an answer is there.
func send(t *testing.T, wrap func(aws.HTTPClient) aws.HTTPClient) io.ReadCloser {
	t.Helper()
	var captured capture
	queues := sqs.New(sqs.Options{
		Region:     "us-east-1",
		HTTPClient: wrap(&captured),
		Retryer:    aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	if _, err := queues.ListQueues(t.Context(), &sqs.ListQueuesInput{}); !errors.Is(err, errCaptured) {
		t.Fatalf("ListQueues: %v", err)
	}
	return captured.body
}

func TestBodyEndsQuietly(t *testing.T) {
	body := send(t, Wrap)
	for _, want := range []string{"{}", ""} {
		if got, err := io.ReadAll(body); string(got) != want || err != nil {
			t.Errorf("reading on gives %q and %v, want %q", got, err, want)
		}
	}
}

// TestWorkaroundIsNeeded fails once smithy-go is right: then this package can go.
func TestWorkaroundIsNeeded(t *testing.T) {
	body := send(t, func(inner aws.HTTPClient) aws.HTTPClient { return inner })
	if _, err := io.Copy(io.Discard, body); !errors.Is(err, io.EOF) {
		t.Errorf("asking a closed body of the SDK for more gives %v and no longer io.EOF: remove internal/httpclient", err)
	}
}
