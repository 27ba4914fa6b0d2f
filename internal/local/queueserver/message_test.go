package queueserver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func text(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
}

func TestWhatCanBeSent(t *testing.T) {
	attribute := func(value string) func(*sqs.SendMessageInput) {
		return func(in *sqs.SendMessageInput) {
			in.MessageAttributes = map[string]types.MessageAttributeValue{"name": text(value)} // 10 bytes and the value.
		}
	}
	delay := func(seconds int32) func(*sqs.SendMessageInput) {
		return func(in *sqs.SendMessageInput) { in.DelaySeconds = seconds }
	}
	group := func(id string) func(*sqs.SendMessageInput) {
		return func(in *sqs.SendMessageInput) { in.MessageGroupId = &id }
	}
	attributes := func(n int) func(*sqs.SendMessageInput) {
		return func(in *sqs.SendMessageInput) {
			in.MessageAttributes = map[string]types.MessageAttributeValue{}
			for i := range n {
				in.MessageAttributes[fmt.Sprint("a", i)] = text("x")
			}
		}
	}
	trace := func(name, dataType, value string) func(*sqs.SendMessageInput) {
		return func(in *sqs.SendMessageInput) {
			in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{name: {DataType: &dataType, StringValue: &value}}
		}
	}
	same := func(*sqs.SendMessageInput) {}
	tests := []struct {
		name   string
		body   string
		change func(*sqs.SendMessageInput)
		code   string
	}{
		{"no character", "", same, "MissingParameter"},
		{"one character", "x", same, ""},
		{"1 MiB", strings.Repeat("x", maxMessageBytes), same, ""},
		{"1 MiB that JSON escapes", strings.Repeat("\n", maxMessageBytes), same, ""},
		{"1 MiB and a byte", strings.Repeat("x", maxMessageBytes+1), same, "InvalidParameterValue"},
		{"1 MiB with an attribute", strings.Repeat("x", maxMessageBytes-11), attribute("x"), ""},
		{"1 MiB and a byte with an attribute", strings.Repeat("x", maxMessageBytes-11), attribute("xx"), "InvalidParameterValue"},
		{"bytes count, not characters", strings.Repeat("é", maxMessageBytes/2) + "x", same, "InvalidParameterValue"},

		{"all kinds of allowed characters", "\t\n\r ~\u007f\u0085\ud7ff\ue000\ufffd\U00010000\U0010ffff", same, ""},
		{"U+0000", "\x00", same, "InvalidMessageContents"},
		{"U+0008", "\b", same, "InvalidMessageContents"},
		{"U+000B", "\v", same, "InvalidMessageContents"},
		{"U+001F", "\x1f", same, "InvalidMessageContents"},
		{"U+FFFE", "\ufffe", same, "InvalidMessageContents"},
		{"U+FFFF", "\uffff", same, "InvalidMessageContents"},
		{"U+0000 in an attribute", "x", attribute("\x00"), "InvalidMessageContents"},
		{"U+FFFF in an attribute", "x", attribute("\uffff"), "InvalidMessageContents"},

		{"a delay of -1 s", "x", delay(-1), "InvalidParameterValue"},
		{"a delay of 900 s", "x", delay(900), ""},
		{"a delay of 901 s", "x", delay(901), "InvalidParameterValue"},

		{"no attributes", "x", attributes(0), ""},
		{"1 attribute", "x", attributes(1), ""},
		{"10 attributes", "x", attributes(10), ""},
		{"11 attributes", "x", attributes(11), "InvalidParameterValue"},

		{"an empty group ID", "x", group(""), "InvalidParameterValue"},
		{"a group ID of 128 characters", "x", group(strings.Repeat("~", 128)), ""},
		{"a group ID of 129 characters", "x", group(strings.Repeat("~", 129)), "InvalidParameterValue"},
		{"a group ID with a space", "x", group("a b"), "InvalidParameterValue"},
		{"a deduplication ID", "x", func(in *sqs.SendMessageInput) { in.MessageDeduplicationId = aws.String("x") }, "InvalidParameterValue"},

		{"a trace header", "x", trace("AWSTraceHeader", "String", "Root=1"), ""},
		{"an empty trace header", "x", trace("AWSTraceHeader", "String", ""), "InvalidParameterValue"},
		{"a trace header with U+0000", "x", trace("AWSTraceHeader", "String", "\x00"), "InvalidParameterValue"},
		{"a trace header that is a number", "x", trace("AWSTraceHeader", "Number", "1"), "InvalidParameterValue"},
		{"another system attribute", "x", trace("SenderId", "String", "x"), "InvalidParameterValue"},
	}
	c := start(t)
	queueURL := c.create(t, "q")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := &sqs.SendMessageInput{QueueUrl: queueURL, MessageBody: &test.body}
			test.change(in)
			_, err := c.SendMessage(t.Context(), in)
			wantCode(t, err, test.code)

			batch, err := c.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: queueURL, Entries: []types.SendMessageBatchRequestEntry{{
				Id: aws.String("id"), MessageBody: in.MessageBody, DelaySeconds: in.DelaySeconds, MessageGroupId: in.MessageGroupId,
				MessageDeduplicationId: in.MessageDeduplicationId, MessageAttributes: in.MessageAttributes, MessageSystemAttributes: in.MessageSystemAttributes,
			}}})
			if err != nil {
				wantEqual(t, test.code, "InvalidParameterValue")
				wantCode(t, err, "AWS.SimpleQueueService.BatchRequestTooLong")
				return
			}
			code := ""
			for _, failed := range batch.Failed {
				code = *failed.Code
				wantEqual(t, failed.SenderFault, true)
				wantEqual(t, *failed.Id, "id")
			}
			wantEqual(t, code, test.code)
			wantEqual(t, len(batch.Successful)+len(batch.Failed), 1)
		})
	}
}

func TestAQueueMayTakeShorterMessagesOnly(t *testing.T) {
	c := start(t)
	queueURL := c.create(t, "q", "MaximumMessageSize", "1024")
	entry := func(id string, bytes int) types.SendMessageBatchRequestEntry {
		return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: aws.String(strings.Repeat("x", bytes))}
	}
	out, err := c.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{
		QueueUrl: queueURL, Entries: []types.SendMessageBatchRequestEntry{entry("fits", 1024), entry("long", 1025)},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, *out.Successful[0].Id, "fits")
	wantEqual(t, *out.Failed[0].Id, "long")
	wantEqual(t, *out.Failed[0].Code, "InvalidParameterValue")
}

func TestAMessageComesBackAsItWasSent(t *testing.T) {
	c := start(t)
	queueURL := c.create(t, "q")
	sent, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl:       queueURL,
		MessageBody:    aws.String("{\"a\": \"<é€😀>\"}\r\n"),
		MessageGroupId: aws.String("tenant-1"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"text":   text("väl"),
			"number": {DataType: aws.String("Number.int"), StringValue: aws.String("007.50")},
			"bytes":  {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1, 255}},
		},
		MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1-5759e988-bd862e3fe1be46a994272793")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, *sent.MD5OfMessageSystemAttributes, attributesDigest(map[string]attribute{
		"AWSTraceHeader": {DataType: "String", StringValue: "Root=1-5759e988-bd862e3fe1be46a994272793"},
	}))
	m := c.receive(t, queueURL)[0]
	wantEqual(t, *m.Body, "{\"a\": \"<é€😀>\"}\r\n")
	wantEqual(t, *m.MessageId, *sent.MessageId)
	wantEqual(t, *m.MD5OfBody, *sent.MD5OfMessageBody)
	wantEqual(t, *m.MD5OfMessageAttributes, *sent.MD5OfMessageAttributes)
	wantEqual(t, *m.MessageAttributes["text"].StringValue, "väl")
	wantEqual(t, *m.MessageAttributes["number"].StringValue, "007.50")
	wantEqual(t, *m.MessageAttributes["number"].DataType, "Number.int")
	wantEqual(t, m.MessageAttributes["bytes"].BinaryValue, []byte{0, 1, 255})
	wantEqual(t, m.Attributes["MessageGroupId"], "tenant-1")
	wantEqual(t, m.Attributes["AWSTraceHeader"], "Root=1-5759e988-bd862e3fe1be46a994272793")
	wantEqual(t, m.Attributes["SenderId"], "AKIDEXAMPLE")
}
