package queue

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"chime-offboarding/internal/failure"
)

const (
	// maxEntries is how many entries a batch call takes, and maxBytes how many bytes SendMessageBatch takes in all: bodies,
	// attribute names, types and values
	// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
	maxEntries = 10
	maxBytes   = 1 << 20

	// maxAttempts is how often one call is tried, whatever AWS_MAX_ATTEMPTS says.
	maxAttempts = 3

	// concurrency is how many batch calls are under way at once. At 10 ms a call that is 16,000 entries a second.
	concurrency = 16
)

// Client speaks to the queues. It is safe for concurrent use.
type Client struct {
	api         *sqs.Client
	deadLetters *url.URL
}

// NewClient returns a client with the region, credentials, HTTP client and endpoint of the configuration, and the absolute
// URL of the dead-letter queue.
func NewClient(cfg aws.Config, deadLetters *url.URL) *Client {
	api := sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.Credentials = failure.Credentials{CredentialsProvider: cfg.Credentials}
		o.RetryMaxAttempts = 0 // The retryer's own holds.
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.MaxAttempts = maxAttempts
			s.RateLimiter = ratelimit.None // The SDK's quota would carry the failures of one event over into the next.
		})
		// The SDK's check panics on an entry without an ID. The letters' own one does not.
		o.DisableMessageChecksumValidation = true
	})
	return &Client{api: api, deadLetters: deadLetters}
}

// sourceURL returns the URL of the queue with the ARN arn:aws:sqs:REGION:ACCOUNT:NAME. It is the dead-letter queue's with
// another account and name: both are in the function's region, behind one endpoint.
func (c *Client) sourceURL(arn string) (string, error) {
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[4] == "" || parts[5] == "" {
		return "", fmt.Errorf("%q is not the ARN of a queue", arn)
	}
	source := *c.deadLetters
	source.Path = path.Join(path.Dir(path.Dir(path.Clean(source.Path))), parts[4], parts[5])
	return source.String(), nil
}

// errNoResult is the outcome of an entry of a batch that the answer does not speak of. Status 200 does not mean taken.
var errNoResult = errors.New("the queue's answer has no result for the entry")

// fill sets all of errs to one error and returns it.
func fill(errs []error, err error) []error {
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// place returns which of n entries a result is for. The ID of an entry is its place in the batch.
func place(id *string, n int) (int, bool) {
	i, err := strconv.Atoi(aws.ToString(id))
	return i, err == nil && 0 <= i && i < n && strconv.Itoa(i) == *id
}

// readFailed sets the errors of the entries that were refused.
func readFailed(errs []error, failed []types.BatchResultErrorEntry) {
	for _, f := range failed {
		if i, ok := place(f.Id, len(errs)); ok {
			errs[i] = &smithy.GenericAPIError{Code: aws.ToString(f.Code), Message: aws.ToString(f.Message)}
		}
	}
}
