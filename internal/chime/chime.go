// Package chime makes one BatchSuspendUser call of Amazon Chime at a time and says what its answer means for each user.
package chime

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"
	"github.com/aws/smithy-go"

	"chime-offboarding/internal/failure"
	"chime-offboarding/internal/suspension"
)

// maxAttempts is how often one call is tried, whatever AWS_MAX_ATTEMPTS says.
const maxAttempts = 3

// Client calls BatchSuspendUser. It is safe for concurrent use.
type Client struct {
	api *chime.Client
}

// NewClient returns a client with the region, credentials, HTTP client and endpoint of the configuration. How long one
// attempt lasts is the HTTP client's affair.
func NewClient(cfg aws.Config) *Client {
	return &Client{api: chime.NewFromConfig(cfg, func(o *chime.Options) {
		o.Credentials = failure.Credentials{CredentialsProvider: cfg.Credentials}
		o.RetryMaxAttempts = 0 // The retryer's own holds.
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.MaxAttempts = maxAttempts
			// The SDK's quota would carry the failures of one event over into the next. Three attempts are brake enough.
			s.RateLimiter = ratelimit.None
			s.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(retryable)}, s.Retryables...)
		})
	})}
}

// Suspend calls BatchSuspendUser for 1 to 50 users of an account. The error is for the log: the answer says it all.
func (c *Client) Suspend(ctx context.Context, accountID string, users []*suspension.User) (suspension.Answer, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	out, err := c.api.BatchSuspendUser(ctx, &chime.BatchSuspendUserInput{AccountId: &accountID, UserIdList: ids})
	if err != nil {
		return refused(ctx, len(users), err), err
	}
	requestID, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
	return suspension.Answer{Results: answered(ids, out.UserErrors, requestID)}, nil
}

// answered reads the UserErrors of an answer with status 200.
func answered(ids []string, userErrors []types.UserError, requestID string) []suspension.Result {
	results := make([]suspension.Result, len(ids))
	for i := range results {
		results[i] = suspension.Result{Outcome: suspension.Suspended, RequestID: requestID}
	}
	if len(userErrors) == 0 {
		return results
	}
	position := make(map[string]int, len(ids))
	for i, id := range ids {
		position[id] = i
	}
	unattributed := false
	for _, e := range userErrors {
		i, inCall := position[aws.ToString(e.UserId)]
		if !inCall {
			unattributed = true
			continue
		}
		failed := suspension.Result{
			Outcome:   suspension.DeadLetter,
			Code:      "Unknown",
			Message:   cmp.Or(aws.ToString(e.ErrorMessage), "Chime gave no message."),
			RequestID: requestID,
		}
		if code := string(e.ErrorCode); failure.IsCode(code) {
			failed.Code = code
		}
		if temporary(e.ErrorCode) {
			failed.Outcome = suspension.Retry
		}
		// Of several errors for one user the first one counts, unless a later one says that another try is worth it.
		if results[i].Outcome == suspension.Suspended || results[i].Outcome == suspension.DeadLetter && failed.Outcome == suspension.Retry {
			results[i] = failed
		}
	}
	if unattributed {
		for i := range results {
			if results[i].Outcome == suspension.Suspended {
				results[i] = suspension.Result{
					Code:      "Unattributed",
					Message:   "Chime's answer has an error for a user who was not in the call, so that it says nothing certain about this one.",
					RequestID: requestID,
				}
			}
		}
	}
	return results
}

// temporary reports whether another try is worth it for a user whom Chime could not suspend.
func temporary(code types.ErrorCode) bool {
	switch code {
	case types.ErrorCodeThrottled, types.ErrorCodeThrottling, types.ErrorCodeServiceUnavailable, types.ErrorCodeServiceFailure, types.ErrorCodeConflict:
		return true
	default:
		return false
	}
}

// refused says what it means that a call failed as a whole.
func refused(ctx context.Context, users int, err error) suspension.Answer {
	result := suspension.Result{Code: failure.Code(err), Message: err.Error()}
	var api smithy.APIError
	var response interface{ ServiceRequestID() string }
	switch {
	case failure.NoCredentials(err): // Its source may be a service too, with errors like Chime's.
	case errors.As(err, &api):
		result.Message = cmp.Or(api.ErrorMessage(), "Chime gave no message.")
	case ctx.Err() != nil:
		result.Code, result.Message = "DeadlineExceeded", "The function's time was up before Chime had answered: give it more time or smaller batches."
	}
	if errors.As(err, &response) && !failure.NoCredentials(err) {
		result.RequestID = response.ServiceRequestID()
	}
	effect := effectOf(err)
	if effect == suspension.Split {
		result.Outcome = suspension.DeadLetter
	}
	answer := suspension.Answer{Results: make([]suspension.Result, users), Effect: effect}
	for i := range answer.Results {
		answer.Results[i] = result
	}
	return answer
}

// effectOf is the table of refusals: the exception, or else the HTTP status, and what it means for the calls to come.
func effectOf(err error) suspension.Effect {
	if failure.NoCredentials(err) {
		return suspension.StopEvent
	}
	switch failure.Code(err) {
	case "BadRequest", "NotFound":
		return suspension.Split
	case "Forbidden", "UnauthorizedClient":
		return suspension.StopAccount
	}
	switch failure.Status(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return suspension.StopEvent
	}
	return suspension.Continue
}

// retryable adds to what the SDK's standard retryer tries again within a call: answers that report success but cannot be
// read, and Chime's throttling, which that retryer knows neither by code nor by status.
func retryable(err error) aws.Ternary {
	status := failure.Status(err)
	switch {
	case failure.NoCredentials(err):
		return aws.FalseTernary
	case status == http.StatusTooManyRequests, failure.Code(err) == "ThrottledClient":
		return aws.TrueTernary
	case failure.Unreadable(err) && status < http.StatusMultipleChoices:
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}
