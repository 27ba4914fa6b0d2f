package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"chime-offboarding/internal/parallel"
)

const (
	maxEntries = 10      // of a batch call
	maxBytes   = 1 << 20 // of a batch call's bodies
	senders    = 4

	// hold is how long a message that was received beforehand is kept from the mapping.
	hold = 2 * time.Second
)

// deliver sends a message and receives it until its next delivery is the one wanted. There must be nothing else to receive.
func (s *stack) deliver(ctx context.Context, m message) (messageID string, err error) {
	sent, err := s.queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &s.source, MessageBody: &m.body})
	if err != nil {
		return "", fmt.Errorf("sending a message: %w", err)
	}
	for n := 1; n < m.deliveries; n++ {
		received, err := s.queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &s.source, WaitTimeSeconds: 1})
		if err != nil {
			return "", fmt.Errorf("receiving a message beforehand: %w", err)
		}
		if len(received.Messages) != 1 || *received.Messages[0].MessageId != *sent.MessageId {
			return "", errors.New("receiving a message beforehand: the queue did not return it: try again")
		}
		timeout := 0
		if n == m.deliveries-1 {
			timeout = s.seconds(hold)
		}
		_, err = s.queue.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
			QueueUrl:          &s.source,
			ReceiptHandle:     received.Messages[0].ReceiptHandle,
			VisibilityTimeout: int32(timeout),
		})
		if err != nil {
			return "", fmt.Errorf("making a message visible again: %w", err)
		}
	}
	return *sent.MessageId, nil
}

// sendAll sends messages in batches and tells sent of each that the queue has taken.
func (s *stack) sendAll(ctx context.Context, messages []message, sent func(messageID string, m message)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := func() ([]message, bool) {
		n, bytes := 0, 0
		for n < min(maxEntries, len(messages)) && (n == 0 || bytes+len(messages[n].body) <= maxBytes) {
			bytes += len(messages[n].body)
			n++
		}
		batch := messages[:n]
		messages = messages[n:]
		return batch, n > 0 && ctx.Err() == nil
	}
	type result struct {
		out *sqs.SendMessageBatchOutput
		err error
	}
	send := func(batch []message) result {
		entries := make([]types.SendMessageBatchRequestEntry, len(batch))
		for i, m := range batch {
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &m.body}
		}
		out, err := s.queue.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &s.source, Entries: entries})
		return result{out, err}
	}
	parallel.Do(senders, next, send, func(batch []message, r result) {
		if r.err != nil {
			cancel(r.err)
			return
		}
		for _, taken := range r.out.Successful {
			if i, err := strconv.Atoi(*taken.Id); err == nil {
				sent(*taken.MessageId, batch[i])
			}
		}
		for _, failed := range r.out.Failed {
			cancel(fmt.Errorf("the queue refused a message: %s", aws.ToString(failed.Message)))
		}
	})
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("sending messages: %w", err)
	}
	return nil
}

// waiting returns how many messages the source queue has, whether visible or not.
func (s *stack) waiting(ctx context.Context) (int, error) {
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := s.queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &s.source, AttributeNames: names})
	if err != nil {
		return 0, fmt.Errorf("asking how many messages wait: %w", err)
	}
	sum := 0
	for _, name := range names {
		n, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			return 0, fmt.Errorf("asking how many messages wait: the queue's %s is %q", name, out.Attributes[string(name)])
		}
		sum += n
	}
	return sum, nil
}

// readLetters tells read of every dead letter. They stay in the queue, and can be received again once it has returned.
func (s *stack) readLetters(ctx context.Context, read func(types.Message)) error {
	var release []types.ChangeMessageVisibilityBatchRequestEntry
	for {
		out, err := s.queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl:              &s.letters,
			MaxNumberOfMessages:   maxEntries,
			MessageAttributeNames: []string{"All"},
			VisibilityTimeout:     int32((12 * time.Hour).Seconds()), // The longest that SQS allows.
		})
		if err != nil {
			return fmt.Errorf("receiving dead letters: %w", err)
		}
		if len(out.Messages) == 0 {
			break
		}
		for _, letter := range out.Messages {
			read(letter)
			release = append(release, types.ChangeMessageVisibilityBatchRequestEntry{
				Id:            aws.String(strconv.Itoa(len(release) % maxEntries)),
				ReceiptHandle: letter.ReceiptHandle,
			})
		}
	}
	for len(release) > 0 {
		n := min(maxEntries, len(release))
		if _, err := s.queue.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &s.letters, Entries: release[:n]}); err != nil {
			return fmt.Errorf("making dead letters visible again: %w", err)
		}
		release = release[n:]
	}
	return nil
}
