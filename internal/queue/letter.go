package queue

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"chime-offboarding/internal/parallel"
)

// Letter is a message for the dead-letter queue. All but the body goes into message attributes.
type Letter struct {
	Body         string
	ErrorCode    string
	ErrorMessage string
	Source       *Record
	FailedAt     time.Time
	RequestID    string // of the invocation
}

// LargeBody is the size in bytes up to which the body of a message leaves room for all that a letter adds.
const LargeBody = maxBytes - 16<<10

// Refused returns an error with SQS's code where a queue would not take the letter, however often it is sent.
func (l *Letter) Refused() error {
	_, _, err := l.entry(0)
	return err
}

// SendLetters sends the letters 0 to n-1, each made by letter when its turn comes, in calls of up to ten, and tells done
// what became of each: nil where the queue has taken it. Both run in the caller's goroutine. Once ctx is done no further
// letter is made, and done is not told of those.
func (c *Client) SendLetters(ctx context.Context, n int, letter func(i int) Letter, done func(i int, err error)) {
	type batch struct {
		letters []int // that the entries are for
		entries []types.SendMessageBatchRequestEntry
	}
	i := 0
	next := func() (batch, bool) {
		var b batch
		size := 0
		for ; i < n && len(b.entries) < maxEntries && ctx.Err() == nil; i++ {
			l := letter(i)
			entry, entrySize, err := l.entry(len(b.entries))
			if err != nil {
				done(i, err)
				continue
			}
			if size += entrySize; size > maxBytes {
				break // It is made once more, as the first of the next batch.
			}
			b.letters = append(b.letters, i)
			b.entries = append(b.entries, entry)
		}
		return b, len(b.entries) > 0
	}
	do := func(b batch) []error { return c.send(ctx, b.entries) }
	parallel.Do(concurrency, next, do, func(b batch, errs []error) {
		for at, err := range errs {
			done(b.letters[at], err)
		}
	})
}

// send sends one batch and returns what became of each entry.
func (c *Client) send(ctx context.Context, entries []types.SendMessageBatchRequestEntry) []error {
	errs := make([]error, len(entries))
	out, err := c.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{
		QueueUrl: aws.String(c.deadLetters.String()),
		Entries:  entries,
	})
	if err != nil {
		return fill(errs, err)
	}
	fill(errs, errNoResult)
	for _, taken := range out.Successful {
		if i, ok := place(taken.Id, len(entries)); ok {
			errs[i] = intact(*entries[i].MessageBody, taken.MD5OfMessageBody)
		}
	}
	readFailed(errs, out.Failed)
	return errs
}

// intact returns an error where the queue has taken another body than the one that was sent. The SDK's own check of this is
// switched off, because it panics on an entry without an ID.
func intact(body string, taken *string) error {
	if sum := md5.Sum([]byte(body)); taken != nil && *taken != hex.EncodeToString(sum[:]) {
		return errors.New("the queue has taken a body with another MD5")
	}
	return nil
}

// entry returns the letter as an entry of a batch, with its place as the ID, and what it counts for in maxBytes; or an error
// where SQS would not take it. An attribute without a value is left out, since SQS refuses it.
func (l *Letter) entry(place int) (entry types.SendMessageBatchRequestEntry, size int, err error) {
	if !sendable(l.Body) {
		return entry, 0, &smithy.GenericAPIError{Code: "InvalidMessageContents", Message: "the body is empty or has characters that SQS does not take"}
	}
	size = len(l.Body)
	attributes := make(map[string]types.MessageAttributeValue, 7)
	add := func(name, dataType, value string) {
		if value != "" {
			attributes[name] = types.MessageAttributeValue{DataType: &dataType, StringValue: &value}
			size += len(name) + len(dataType) + len(value)
		}
	}
	add("ErrorCode", "String", AttributeValue(l.ErrorCode))
	add("ErrorMessage", "String", cmp.Or(AttributeValue(l.ErrorMessage), "No message."))
	add("SourceMessageId", "String", AttributeValue(l.Source.MessageID))
	add("SourceQueueArn", "String", AttributeValue(l.Source.SourceARN))
	add("ReceiveCount", "Number", strconv.Itoa(l.Source.ReceiveCount))
	add("FailedAt", "String", l.FailedAt.UTC().Format(time.RFC3339))
	add("RequestId", "String", AttributeValue(l.RequestID))
	if size > maxBytes {
		return entry, 0, &smithy.GenericAPIError{Code: "InvalidParameterValue", Message: "the body leaves no room for the attributes"}
	}
	entry.Id = aws.String(strconv.Itoa(place))
	entry.MessageBody = &l.Body
	entry.MessageAttributes = attributes
	return entry, size, nil
}
