package queueserver

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func (c client) remove(tb testing.TB, queueURL, handle *string) {
	tb.Helper()
	if _, err := c.DeleteMessage(tb.Context(), &sqs.DeleteMessageInput{QueueUrl: queueURL, ReceiptHandle: handle}); err != nil {
		tb.Error(err)
	}
}

func (c client) hideFor(tb testing.TB, queueURL, handle *string, seconds int32) error {
	tb.Helper()
	_, err := c.ChangeMessageVisibility(tb.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: queueURL, ReceiptHandle: handle, VisibilityTimeout: seconds,
	})
	if err != nil {
		return fmt.Errorf("changing visibility: %w", err)
	}
	return nil
}

func TestDeletingNeedsTheLatestReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q", "VisibilityTimeout", "30")
		c.send(t, queueURL, "x")
		first := c.receive(t, queueURL)[0].ReceiptHandle
		time.Sleep(30 * time.Second)
		second := c.receive(t, queueURL)[0].ReceiptHandle

		c.remove(t, queueURL, first)
		wantEqual(t, c.counts(t, queueURL), [3]string{"0", "1", "0"})
		time.Sleep(30 * time.Second)
		c.remove(t, queueURL, second) // The message is visible again, but nobody received it since.
		wantEqual(t, c.counts(t, queueURL), [3]string{"0", "0", "0"})
		c.remove(t, queueURL, second)
	})
}

func TestReceiptHandlesOfOthersAreInvalid(t *testing.T) {
	c, other := start(t), start(t)
	queueURL, otherURL := c.create(t, "q"), c.create(t, "other")
	c.send(t, queueURL, "x")
	handle := *c.receive(t, queueURL)[0].ReceiptHandle
	changed := []byte(handle)
	changed[10] ^= 1

	tests := []struct {
		name     string
		client   client
		queueURL *string
		handle   string
	}{
		{"not base64", c, queueURL, "garbage!"},
		{"too short", c, queueURL, "AAAA"},
		{"changed", c, queueURL, string(changed)},
		{"of another queue", c, otherURL, handle},
		{"of another server", other, other.create(t, "q"), handle},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: test.queueURL, ReceiptHandle: aws.String(test.handle)})
			wantCode(t, err, "ReceiptHandleIsInvalid")
			wantCode(t, test.client.hideFor(t, test.queueURL, &test.handle, 1), "ReceiptHandleIsInvalid")
		})
	}
}

func TestChangingVisibility(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q", "VisibilityTimeout", "30")
		c.send(t, queueURL, "x")
		handle := c.receive(t, queueURL)[0].ReceiptHandle

		wantCode(t, c.hideFor(t, queueURL, handle, -1), "InvalidParameterValue")
		wantCode(t, c.hideFor(t, queueURL, handle, 43201), "InvalidParameterValue")
		wantCode(t, c.hideFor(t, queueURL, handle, 43200), "")

		time.Sleep(time.Second) // From here on 43,199 s are left of the 12 hours.
		wantCode(t, c.hideFor(t, queueURL, handle, 43200), "InvalidParameterValue")
		wantCode(t, c.hideFor(t, queueURL, handle, 43199), "")

		wantCode(t, c.hideFor(t, queueURL, handle, 10), "")
		time.Sleep(10*time.Second - time.Nanosecond)
		wantEqual(t, len(c.receive(t, queueURL)), 0)
		time.Sleep(time.Nanosecond)
		wantCode(t, c.hideFor(t, queueURL, handle, 10), "AWS.SimpleQueueService.MessageNotInflight")
		second := c.receive(t, queueURL)[0].ReceiptHandle

		wantCode(t, c.hideFor(t, queueURL, handle, 10), "InvalidParameterValue")
		wantCode(t, c.hideFor(t, queueURL, second, 0), "")
		third := c.receive(t, queueURL)[0]
		wantEqual(t, third.Attributes["ApproximateReceiveCount"], "3")

		time.Sleep(30*time.Second - time.Nanosecond) // A change is for one receive: the next has the queue's timeout again.
		wantEqual(t, c.counts(t, queueURL), [3]string{"0", "1", "0"})
		time.Sleep(time.Nanosecond)
		wantEqual(t, c.counts(t, queueURL), [3]string{"1", "0", "0"})

		c.remove(t, queueURL, third.ReceiptHandle)
		wantCode(t, c.hideFor(t, queueURL, third.ReceiptHandle, 10), "InvalidParameterValue")
	})
}
