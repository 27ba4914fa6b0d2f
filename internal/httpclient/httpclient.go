// Package httpclient is the AWS SDK's HTTP client without a race that loses answers.
//
// The SDK closes a request's body as soon as an answer is there. smithy-go 1.28.8 then answers net/http, which may still be
// asking whether the body goes on, with an error instead of the end; net/http takes it for a failed request and closes the
// connection while the answer is being read. The SDK tries again: a call is made twice, a received message is lost until
// its visibility timeout is over.
package httpclient

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// New returns a client whose requests, each an attempt of a call, take at most the timeout, or as long as they like if it
// is 0.
func New(timeout time.Duration) aws.HTTPClient {
	return Wrap(awshttp.NewBuildableClient().WithTimeout(timeout))
}

// Wrap keeps a client's answers from being lost.
func Wrap(inner aws.HTTPClient) aws.HTTPClient { return client{inner} }

type client struct{ aws.HTTPClient }

// Do sends a request with a body of its own, which the SDK does not close. It is of a kind that net/http knows to be in
// memory, and sends together with the headers.
func (c client) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, fmt.Errorf("reading the body of a request: %w", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return c.HTTPClient.Do(r) //nolint:wrapcheck // The SDK looks for the types of net/http's errors.
}
