package queueserver

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// batches are the three batch actions, each with entries of the IDs given; they return the IDs of the results.
func (c client) batches(t *testing.T, queueURL *string) map[string]func(ids ...string) (successful, failed []string, err error) {
	t.Helper()
	return map[string]func(ids ...string) (successful, failed []string, err error){
		"SendMessageBatch": func(ids ...string) (successful, failed []string, err error) {
			in := &sqs.SendMessageBatchInput{QueueUrl: queueURL, Entries: []types.SendMessageBatchRequestEntry{}}
			for _, id := range ids {
				in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: &id, MessageBody: aws.String("x")})
			}
			out, err := c.SendMessageBatch(t.Context(), in)
			if err != nil {
				return nil, nil, fmt.Errorf("calling SendMessageBatch: %w", err)
			}
			for _, e := range out.Successful {
				successful = append(successful, *e.Id)
			}
			return successful, failedIDs(out.Failed), nil
		},
		"DeleteMessageBatch": func(ids ...string) (successful, failed []string, err error) {
			in := &sqs.DeleteMessageBatchInput{QueueUrl: queueURL, Entries: []types.DeleteMessageBatchRequestEntry{}}
			for _, id := range ids {
				c.send(t, queueURL, "x")
				in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: c.receive(t, queueURL)[0].ReceiptHandle})
			}
			out, err := c.DeleteMessageBatch(t.Context(), in)
			if err != nil {
				return nil, nil, fmt.Errorf("calling DeleteMessageBatch: %w", err)
			}
			for _, e := range out.Successful {
				successful = append(successful, *e.Id)
			}
			return successful, failedIDs(out.Failed), nil
		},
		"ChangeMessageVisibilityBatch": func(ids ...string) (successful, failed []string, err error) {
			in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: queueURL, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{}}
			for _, id := range ids {
				c.send(t, queueURL, "x")
				in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
					Id: &id, ReceiptHandle: c.receive(t, queueURL)[0].ReceiptHandle, VisibilityTimeout: 60,
				})
			}
			out, err := c.ChangeMessageVisibilityBatch(t.Context(), in)
			if err != nil {
				return nil, nil, fmt.Errorf("calling ChangeMessageVisibilityBatch: %w", err)
			}
			for _, e := range out.Successful {
				successful = append(successful, *e.Id)
			}
			return successful, failedIDs(out.Failed), nil
		},
	}
}

func failedIDs(failed []types.BatchResultErrorEntry) []string {
	ids := make([]string, len(failed))
	for i, e := range failed {
		ids[i] = *e.Id
	}
	return ids
}

func TestEntriesOfBatches(t *testing.T) {
	numbered := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, strconv.Itoa(i))
		}
		return ids
	}
	tests := []struct {
		name string
		ids  []string
		code string
	}{
		{"no entry", nil, "AWS.SimpleQueueService.EmptyBatchRequest"},
		{"1 entry", numbered(1), ""},
		{"10 entries", numbered(10), ""},
		{"11 entries", numbered(11), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
		{"an empty ID", []string{""}, "AWS.SimpleQueueService.InvalidBatchEntryId"},
		{"an ID of 80 characters", []string{strings.Repeat("a", 80)}, ""},
		{"an ID of 81 characters", []string{strings.Repeat("a", 81)}, "AWS.SimpleQueueService.InvalidBatchEntryId"},
		{"an ID of all that is allowed", []string{"AZaz09-_"}, ""},
		{"an ID with a colon", []string{"a:b"}, "AWS.SimpleQueueService.InvalidBatchEntryId"},
		{"an ID with a letter beyond ASCII", []string{"ä"}, "AWS.SimpleQueueService.InvalidBatchEntryId"},
		{"IDs that differ in case", []string{"a", "A"}, ""},
		{"an ID twice", []string{"a", "b", "a"}, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
	}
	c := start(t)
	for _, test := range tests {
		for action := range c.batches(t, nil) {
			t.Run(test.name+" in "+action, func(t *testing.T) {
				queueURL := c.create(t, newUUID())
				successful, failed, err := c.batches(t, queueURL)[action](test.ids...)
				wantCode(t, err, test.code)
				if test.code == "" {
					wantEqual(t, successful, test.ids)
					wantEqual(t, len(failed), 0)
				}
			})
		}
	}
}

func TestBatchesNeedTheirQueue(t *testing.T) {
	c := start(t)
	in := &sqs.SendMessageBatchInput{QueueUrl: aws.String("http://sqs/123456789012/none"), Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: aws.String("x")},
	}}
	_, err := c.SendMessageBatch(t.Context(), in)
	wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")
}

func TestABatchMayHave1MiBInAll(t *testing.T) {
	const attributeBytes = len("name") + len("String") + len("x")
	tests := []struct {
		name  string
		bytes int
		code  string
	}{
		{"one byte less", maxMessageBytes - 1, ""},
		{"1 MiB", maxMessageBytes, ""},
		{"one byte more", maxMessageBytes + 1, "AWS.SimpleQueueService.BatchRequestTooLong"},
	}
	c := start(t)
	queueURL := c.create(t, "q")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			half := test.bytes / 2
			_, err := c.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: queueURL, Entries: []types.SendMessageBatchRequestEntry{
				{Id: aws.String("a"), MessageBody: aws.String(strings.Repeat("x", half))},
				{Id: aws.String("b"), MessageBody: aws.String(strings.Repeat("x", test.bytes-half-attributeBytes)),
					MessageAttributes: map[string]types.MessageAttributeValue{"name": text("x")}},
			}})
			wantCode(t, err, test.code)
		})
	}
}

func TestEntriesFailOneByOne(t *testing.T) {
	c := start(t)
	queueURL := c.create(t, "q")
	c.send(t, queueURL, "x")
	handle := c.receive(t, queueURL)[0].ReceiptHandle

	changed, err := c.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: queueURL,
		Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
			{Id: aws.String("long"), ReceiptHandle: handle, VisibilityTimeout: 43201},
			{Id: aws.String("good"), ReceiptHandle: handle, VisibilityTimeout: 0},
			{Id: aws.String("visible"), ReceiptHandle: handle, VisibilityTimeout: 1},
		}})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, *changed.Successful[0].Id, "good")
	wantEqual(t, failedIDs(changed.Failed), []string{"long", "visible"})
	wantEqual(t, *changed.Failed[0].Code, "InvalidParameterValue")
	wantEqual(t, *changed.Failed[1].Code, "AWS.SimpleQueueService.MessageNotInflight")

	deleted, err := c.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: queueURL,
		Entries: []types.DeleteMessageBatchRequestEntry{
			{Id: aws.String("garbage"), ReceiptHandle: aws.String("garbage")},
			{Id: aws.String("good"), ReceiptHandle: handle},
		}})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, *deleted.Successful[0].Id, "good")
	wantEqual(t, *deleted.Failed[0].Id, "garbage")
	wantEqual(t, *deleted.Failed[0].Code, "ReceiptHandleIsInvalid")
	wantEqual(t, c.counts(t, queueURL), [3]string{"0", "0", "0"})
}
