package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

const (
	// maxEntries is how many entries a batch call takes, and maxBytes how many bytes SendMessageBatch takes in all
	// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
	maxEntries = 10
	maxBytes   = 1 << 20
)

// errNoResult is the outcome of an entry of a batch that the answer does not speak of. Status 200 does not mean done.
var errNoResult = errors.New("the queue's answer has no result for it")

// callError is the outcome of every entry of a batch whose call failed as a whole.
type callError struct{ error }

func (e *callError) Unwrap() error { return e.error }

// send sends the bodies of up to ten letters, as they are, and returns what became of each.
func (q *queue) send(ctx context.Context, to string, letters []letter) []error {
	entries := make([]types.SendMessageBatchRequestEntry, len(letters))
	for i := range letters {
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &letters[i].Body}
	}
	out, err := q.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &to, Entries: entries})
	if err != nil {
		return failed(len(letters), err)
	}
	errs := results(len(letters), out.Successful, func(r types.SendMessageBatchResultEntry) *string { return r.Id }, out.Failed)
	for _, taken := range out.Successful {
		i, ok := place(taken.Id, len(letters))
		if !ok || errs[i] != nil || taken.MD5OfMessageBody == nil {
			continue
		}
		if sum := md5.Sum([]byte(letters[i].Body)); *taken.MD5OfMessageBody != hex.EncodeToString(sum[:]) {
			errs[i] = errors.New("the queue has taken a body with another MD5")
		}
	}
	return errs
}

// delete deletes up to ten letters and returns what became of each.
func (q *queue) delete(ctx context.Context, letters []letter) []error {
	entries := make([]types.DeleteMessageBatchRequestEntry, len(letters))
	for i := range letters {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &letters[i].handle}
	}
	out, err := q.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return failed(len(letters), err)
	}
	return results(len(letters), out.Successful, func(r types.DeleteMessageBatchResultEntry) *string { return r.Id }, out.Failed)
}

// show makes up to ten messages visible and returns what became of each.
func (q *queue) show(ctx context.Context, handles []string) []error {
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(handles))
	for i := range handles {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &handles[i], VisibilityTimeout: 0}
	}
	out, err := q.api.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return failed(len(handles), err)
	}
	return results(len(handles), out.Successful, func(r types.ChangeMessageVisibilityBatchResultEntry) *string { return r.Id }, out.Failed)
}

// failed returns the results of n entries whose call failed.
func failed(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = &callError{err}
	}
	return errs
}

// results returns what became of each of n entries. The ID of an entry is its place in the batch.
func results[R any](n int, successful []R, id func(R) *string, refused []types.BatchResultErrorEntry) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = errNoResult
	}
	for _, s := range successful {
		if i, ok := place(id(s), n); ok {
			errs[i] = nil
		}
	}
	for _, r := range refused {
		if i, ok := place(r.Id, n); ok {
			errs[i] = &smithy.GenericAPIError{Code: aws.ToString(r.Code), Message: aws.ToString(r.Message)}
		}
	}
	return errs
}

// place returns which of n entries a result is for.
func place(id *string, n int) (int, bool) {
	i, err := strconv.Atoi(aws.ToString(id))
	return i, err == nil && 0 <= i && i < n && strconv.Itoa(i) == *id
}
