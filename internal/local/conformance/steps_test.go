package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// step is one thing to try on a queue of its own.
type step struct {
	name       string
	page       string // of SQS's documentation, which says what comes of it
	want       string // what that is
	elasticMQ  string // what comes of it instead; empty where it is the same
	moto       string
	attributes settings // of the queue
	do         func(q queue) string
}

// part is a part of the table.
type part struct {
	title string
	steps []step
}

// maxBytes is the most that a message, or the messages of a batch in all, may have.
const maxBytes = 1 << 20

var (
	// allowed has the first and the last character of each range that SQS takes, forbidden those next to them.
	allowed   = []rune{'\t', '\n', '\r', ' ', 0x7F, 0x80, 0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x10FFFF}
	forbidden = []rune{0, 1, 8, 0xB, 0xC, 0xE, 0x1F, 0xFFFE, 0xFFFF}

	three = attributes{"Text": text("Zoë 🚪"), "Number.of_it-1": text("-12.5e3", "Number.float"), "Bytes": data([]byte{0, 0xFF})}
)

var parts = []part{
	{"Sending", []step{
		{
			name: "a body comes back as it was, with its ID and MD5", page: "API_SendMessage", want: "as it was",
			do: func(q queue) string {
				body := string(allowed) + ` "\<&>` + strings.Repeat("Zoë 🚪", 1000)
				sent, err := q.api.SendMessage(q.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body})
				q.must(err)
				got, md5 := q.take(0), digest([]byte(body))
				return unless(*got.Body != body, "another body", *got.MessageId != *sent.MessageId, "another ID",
					*sent.MD5OfMessageBody != md5 || *got.MD5OfBody != md5, "another MD5")
			},
		},
		{
			name: "attributes come back as they were, with their MD5", page: "sqs-message-metadata", want: "as it was",
			do: func(q queue) string {
				sent, err := q.api.SendMessage(q.Context(), &sqs.SendMessageInput{
					QueueUrl: &q.url, MessageBody: aws.String("a message"), MessageAttributes: three,
				})
				q.must(err)
				got, md5 := q.take(0), attributesDigest(three)
				return unless(shown(got.MessageAttributes) != shown(three), "other attributes "+shown(got.MessageAttributes),
					aws.ToString(sent.MD5OfMessageAttributes) != md5, "another MD5 when sent",
					aws.ToString(got.MD5OfMessageAttributes) != md5, "another MD5 when received")
			},
		},
		{
			name: "an empty body", page: "sqs-message-metadata", want: "refused",
			moto: "taken",
			do:   sends(0, nil),
		},
		{
			name: "a body of 1 MiB", page: "quotas-messages", want: "taken",
			do: sends(maxBytes, nil),
		},
		{
			name: "a body of 1 MiB and a byte", page: "quotas-messages", want: "refused",
			do: sends(maxBytes+1, nil),
		},
		{
			name: "a body of fewer characters than 1 Mi and more bytes", page: "quotas-messages", want: "refused",
			elasticMQ: "taken", moto: "taken",
			do: func(q queue) string { return verdict(q.send(strings.Repeat("ë", maxBytes/2+1), nil)) },
		},
		{
			name: "1 MiB with names, types and values of attributes", page: "sqs-message-metadata", want: "taken",
			do: sends(maxBytes-len("NameStringvalue"), attributes{"Name": text("value")}),
		},
		{
			name: "1 MiB and a byte with names, types and values of attributes", page: "sqs-message-metadata", want: "refused",
			elasticMQ: "taken", moto: "taken",
			do: sends(maxBytes-len("NameStringvalue")+1, attributes{"Name": text("value")}),
		},
		{
			name: "more than the queue's MaximumMessageSize", page: "API_SetQueueAttributes", want: "refused",
			elasticMQ:  "taken",
			attributes: settings{"MaximumMessageSize": "1024"},
			do:         sends(1025, nil),
		},
		{
			name: "a body with a character that is not allowed", page: "API_SendMessage", want: "all are refused",
			moto: "all are taken",
			do: func(q queue) string {
				return which("%U", forbidden, func(c rune) error { return q.send("a"+string(c), nil) })
			},
		},
		{
			name: "the error for a body with such a character", page: "API_SendMessage", want: "InvalidMessageContents",
			elasticMQ: "InvalidAttributeValue", moto: "taken",
			do: func(q queue) string { return name(q.send("\x01", nil)) },
		},
		{
			name: "an attribute with a character that is allowed", page: "sqs-message-metadata", want: "all are taken",
			do: func(q queue) string {
				return which("%U", allowed, func(c rune) error { return q.send("a message", attributes{"Name": text("a" + string(c))}) })
			},
		},
		{
			name: "an attribute with a character that is not", page: "sqs-message-metadata", want: "all are refused",
			moto: "all are taken",
			do: func(q queue) string {
				return which("%U", forbidden, func(c rune) error { return q.send("a message", attributes{"Name": text("a" + string(c))}) })
			},
		},
		{
			name: "10 attributes", page: "quotas-messages", want: "taken",
			do: sends(1, numbered(10)),
		},
		{
			name: "11 attributes", page: "quotas-messages", want: "refused",
			moto: "taken",
			do:   sends(1, numbered(11)),
		},
		{
			name: "a name for an attribute", page: "sqs-message-metadata", want: "all are taken",
			do: names("a", "A-b_c.9", "AWSx", strings.Repeat("x", 256)),
		},
		{
			name: "what is no name for an attribute", page: "sqs-message-metadata", want: "all are refused",
			elasticMQ: "all are taken", moto: `refuses "x y", "x/y", "ë"`,
			do: names("AWS.x", "aWs.x", "Amazon.x", ".x", "x.", "x..y", "x y", "x/y", "ë", strings.Repeat("x", 257)),
		},
		{
			name: "an attribute without a value", page: "sqs-message-metadata", want: "all are refused",
			elasticMQ: `takes "Binary"`, moto: "all are taken",
			do: func(q queue) string {
				return which("%q", []string{"String", "Number", "Binary"}, func(dataType string) error {
					empty := text("", dataType)
					if dataType == "Binary" {
						empty = data([]byte{})
					}
					return q.send("a message", attributes{"Name": empty})
				})
			},
		},
		{
			name: "a type of an attribute", page: "sqs-message-metadata", want: "all are taken",
			do: dataTypes("String", "Number", "String.json", "Number.java.lang.Long", "Number."+strings.Repeat("x", 249)),
		},
		{
			name: "what is no type of an attribute", page: "sqs-message-metadata", want: "all are refused",
			elasticMQ: `refuses "Text", "string"`, moto: "takes one of 257 characters",
			do: dataTypes("Text", "string", "Strings", "Number."+strings.Repeat("x", 250)),
		},
		{
			name: "a number", page: "sqs-message-metadata", want: "all are taken",
			do: numbers("0", "-1", "5", "0.5", strings.Repeat("9", 38), "1e-128", "1e126"),
		},
		{
			name: "what is no number", page: "sqs-message-metadata", want: "all are refused",
			elasticMQ: `takes one of 39 characters, "1e-129"`, moto: "all are taken",
			do: numbers("five", "1,5", "0x1F", strings.Repeat("9", 39), "1e-129", "1e127"),
		},
		{
			name: "a message with a delay", page: "API_SendMessage", want: "it comes after a second",
			do: func(q queue) string {
				_, err := q.api.SendMessage(q.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("a message"), DelaySeconds: 1})
				q.must(err)
				return comesAfter(q.take(0))
			},
		},
		{
			name: "a message to a queue with a delay", page: "API_SetQueueAttributes", want: "it comes after a second",
			attributes: settings{"DelaySeconds": "1"},
			do: func(q queue) string {
				q.must(q.send("a message", nil))
				return comesAfter(q.take(0))
			},
		},
		{
			name: "a delay from 1 to 900 seconds", page: "API_SendMessage", want: "all are taken",
			do: delays(1, 900),
		},
		{
			name: "another delay", page: "API_SendMessage", want: "all are refused",
			moto: "refuses 901",
			do:   delays(-1, 901),
		},
		{
			name: "a trace header comes back, with its MD5", page: "API_SendMessage", want: "as it was",
			elasticMQ: "no MD5", moto: "no MD5",
			do: func(q queue) string {
				const trace = "Root=1-67891233-abcdef012345678912345678"
				sent, err := q.api.SendMessage(q.Context(), &sqs.SendMessageInput{
					QueueUrl: &q.url, MessageBody: aws.String("a message"),
					MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
						"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String(trace)},
					},
				})
				q.must(err)
				md5 := aws.ToString(sent.MD5OfMessageSystemAttributes)
				return unless(q.take(0).Attributes["AWSTraceHeader"] != trace, "another value", md5 == "", "no MD5",
					md5 != "" && md5 != attributesDigest(attributes{"AWSTraceHeader": text(trace)}), "another MD5")
			},
		},
	}},
	{"Receiving", []step{
		{
			name: "an empty queue", page: "API_ReceiveMessage", want: "it does not come",
			do: func(q queue) string { return q.comes(0) },
		},
		{
			name: "from 1 to 10 messages at once", page: "API_ReceiveMessage", want: "all are taken",
			do: receives([]int32{1, 10}, func(in *sqs.ReceiveMessageInput, n int32) { in.MaxNumberOfMessages = n }),
		},
		{
			name: "another number of messages", page: "API_ReceiveMessage", want: "all are refused",
			do: receives([]int32{-1, 11}, func(in *sqs.ReceiveMessageInput, n int32) { in.MaxNumberOfMessages = n }),
		},
		{
			name: "waiting for less than 0 or more than 20 seconds", page: "best-practices-setting-up-long-polling", want: "all are refused",
			do: receives([]int32{-1, 21}, func(in *sqs.ReceiveMessageInput, n int32) { in.WaitTimeSeconds = n }),
		},
		{
			name: "a visibility timeout from 1 second to 12 hours", page: "sqs-visibility-timeout", want: "all are taken",
			do: receives([]int32{1, 43200}, func(in *sqs.ReceiveMessageInput, n int32) { in.VisibilityTimeout = n }),
		},
		{
			name: "another visibility timeout", page: "sqs-visibility-timeout", want: "all are refused",
			elasticMQ: "all are taken", moto: "refuses 43201",
			do: receives([]int32{-1, 43201}, func(in *sqs.ReceiveMessageInput, n int32) { in.VisibilityTimeout = n }),
		},
		{
			name: "one message unless more are asked for", page: "API_ReceiveMessage", want: "1",
			do: func(q queue) string {
				for range 3 {
					q.must(q.send("a message", nil))
				}
				return strconv.Itoa(len(q.receive(&sqs.ReceiveMessageInput{WaitTimeSeconds: 5})))
			},
		},
		{
			name: "each message once", page: "sqs-visibility-timeout", want: "20 messages",
			do: func(q queue) string {
				for range 2 {
					q.must(sent(q.sendBatch(entries(10, "a message")...)))
				}
				ids := map[string]bool{}
				for end := time.Now().Add(patience); len(ids) < 20 && time.Now().Before(end); {
					for _, m := range q.receive(&sqs.ReceiveMessageInput{MaxNumberOfMessages: 10, WaitTimeSeconds: 1}) {
						if ids[*m.MessageId] {
							return "one comes twice"
						}
						ids[*m.MessageId] = true
					}
				}
				return fmt.Sprintf("%d messages", len(ids))
			},
		},
		{
			name: "a message in flight", page: "sqs-visibility-timeout", want: "it does not come",
			do: func(q queue) string {
				q.takeNew()
				return q.comes(0)
			},
		},
		{
			name: "a message whose visibility timeout is over", page: "sqs-visibility-timeout", want: "it comes after a second",
			do: func(q queue) string {
				q.must(q.send("a message", nil))
				start := time.Now()
				first := q.take(1)
				return again(first, q.take(1)) + after(time.Since(start))
			},
		},
		{
			name: "a message whose queue's visibility timeout is over", page: "API_SetQueueAttributes", want: "it comes after a second",
			attributes: settings{"VisibilityTimeout": "1"},
			do: func(q queue) string {
				q.must(q.send("a message", nil))
				start := time.Now()
				first := q.take(0)
				return again(first, q.take(0)) + after(time.Since(start))
			},
		},
		{
			name: "the second time a message comes", page: "API_ReceiveMessage", want: "count 2, the same times, another receipt handle",
			do: func(q queue) string {
				first := q.takeNew()
				q.must(q.show(first.ReceiptHandle, 0))
				second := q.take(0)
				times, handle := "the same times", "another receipt handle"
				for _, name := range []string{"SentTimestamp", "ApproximateFirstReceiveTimestamp"} {
					if second.Attributes[name] != first.Attributes[name] {
						times = "another " + name
					}
				}
				if *first.ReceiptHandle == *second.ReceiptHandle {
					handle = "the same receipt handle"
				}
				return "count " + second.Attributes["ApproximateReceiveCount"] + ", " + times + ", " + handle
			},
		},
		{
			name: "all that SQS knows of a message", page: "API_ReceiveMessage",
			want: "ApproximateFirstReceiveTimestamp ApproximateReceiveCount SenderId SentTimestamp",
			do:   func(q queue) string { return strings.Join(slices.Sorted(maps.Keys(q.takeNew().Attributes)), " ") },
		},
		{
			name: "one thing that SQS knows of a message", page: "API_ReceiveMessage", want: "ApproximateReceiveCount",
			do: func(q queue) string {
				q.must(q.send("a message", nil))
				got := q.first(&sqs.ReceiveMessageInput{
					MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
				})
				return strings.Join(slices.Sorted(maps.Keys(got.Attributes)), " ")
			},
		},
		{
			name: "attributes by name, by prefix and all", page: "API_ReceiveMessage",
			want:      "Text: Text; Number.*: Number.of_it-1; .*: Bytes Number.of_it-1 Text; text Byte: none",
			elasticMQ: "Text: Text; Number.*: none; .*: Bytes Number.of_it-1 Text; text Byte: none",
			do: func(q queue) string {
				q.must(q.send("a message", three))
				var got []string
				for _, wanted := range []string{"Text", "Number.*", ".*", "text Byte"} {
					m := q.first(&sqs.ReceiveMessageInput{MessageAttributeNames: strings.Fields(wanted)})
					q.must(q.show(m.ReceiptHandle, 0))
					names := strings.Join(slices.Sorted(maps.Keys(m.MessageAttributes)), " ")
					if names == "" {
						names = "none"
					}
					got = append(got, wanted+": "+names)
				}
				return strings.Join(got, "; ")
			},
		},
		{
			name: "the MD5 of the attributes that were asked for", page: "API_Message", want: "as it was",
			do: func(q queue) string {
				q.must(q.send("a message", three))
				got := q.first(&sqs.ReceiveMessageInput{MessageAttributeNames: []string{"Text"}})
				return unless(aws.ToString(got.MD5OfMessageAttributes) != attributesDigest(attributes{"Text": three["Text"]}), "another MD5")
			},
		},
		{
			name: "waiting where no message comes", page: "sqs-short-and-long-polling", want: "after a second",
			do: func(q queue) string {
				start := time.Now()
				q.receive(&sqs.ReceiveMessageInput{WaitTimeSeconds: 1})
				return after(time.Since(start))
			},
		},
		{
			name: "waiting as long as the queue says", page: "sqs-short-and-long-polling", want: "after a second",
			attributes: settings{"ReceiveMessageWaitTimeSeconds": "1"},
			do: func(q queue) string {
				start := time.Now()
				q.receive(&sqs.ReceiveMessageInput{})
				return after(time.Since(start))
			},
		},
		{
			name: "waiting until a message is sent", page: "sqs-short-and-long-polling", want: "it comes",
			do: func(q queue) string {
				return q.waiting(func() { q.must(q.send("a message", nil)) })
			},
		},
		{
			name: "waiting until a message is visible again", page: "sqs-short-and-long-polling", want: "it comes",
			do: func(q queue) string {
				handle := q.takeNew().ReceiptHandle
				return q.waiting(func() { q.must(q.show(handle, 0)) })
			},
		},
	}},
	{"Deleting", []step{
		{
			name: "a deleted message", page: "API_DeleteMessage", want: "it does not come",
			do: func(q queue) string {
				q.must(q.send("a message", nil))
				q.must(q.delete(q.take(1).ReceiptHandle))
				return q.comes(2)
			},
		},
		{
			name: "deleting a deleted message", page: "API_DeleteMessage", want: "taken",
			elasticMQ: "ReceiptHandleIsInvalid",
			do: func(q queue) string {
				handle := q.takeNew().ReceiptHandle
				q.must(q.delete(handle))
				return name(q.delete(handle))
			},
		},
		{
			name: "deleting with the handle of an earlier receive", page: "API_DeleteMessage", want: "taken",
			elasticMQ: "ReceiptHandleIsInvalid",
			do: func(q queue) string {
				handle := q.takeNew().ReceiptHandle
				q.must(q.show(handle, 0))
				q.take(600)
				return name(q.delete(handle))
			},
		},
		{
			name: "deleting a message that is visible again", page: "API_DeleteMessage", want: "taken",
			do: func(q queue) string {
				handle := q.takeNew().ReceiptHandle
				q.must(q.show(handle, 0))
				return name(q.delete(handle))
			},
		},
		{
			name: "deleting with what is no receipt handle", page: "API_DeleteMessage", want: "ReceiptHandleIsInvalid",
			do: func(q queue) string { return name(q.delete(aws.String("a handle"))) },
		},
	}},
	{"Changing the visibility timeout", []step{
		{
			name: "to 0", page: "sqs-visibility-timeout", want: "it comes",
			do: func(q queue) string {
				q.must(q.show(q.takeNew().ReceiptHandle, 0))
				return q.comes(5)
			},
		},
		{
			name: "to less than is left", page: "API_ChangeMessageVisibility", want: "it comes after a second",
			do: func(q queue) string {
				first := q.takeNew()
				start := time.Now()
				q.must(q.show(first.ReceiptHandle, 1))
				return again(first, q.take(1)) + after(time.Since(start))
			},
		},
		{
			name: "to more than is left", page: "API_ChangeMessageVisibility", want: "it does not come",
			do: func(q queue) string {
				q.must(q.send("a message", nil))
				q.must(q.show(q.take(2).ReceiptHandle, 600))
				return q.comes(3)
			},
		},
		{
			name: "to a time from 0 to 12 hours", page: "API_ChangeMessageVisibility", want: "all are taken",
			do: shows(1, 900, 43000),
		},
		{
			name: "to another time", page: "API_ChangeMessageVisibility", want: "all are refused",
			elasticMQ: "all are taken", moto: "refuses 43201",
			do: shows(-1, 43201),
		},
		{
			name: "to 12 hours, a second after the receive", page: "API_ChangeMessageVisibility", want: "refused",
			elasticMQ: "taken",
			do: func(q queue) string {
				handle := q.takeNew().ReceiptHandle
				q.receive(&sqs.ReceiveMessageInput{WaitTimeSeconds: 1})
				return verdict(q.show(handle, 43200))
			},
		},
		{
			name: "of a message that is visible again", page: "API_ChangeMessageVisibility", want: "MessageNotInflight",
			elasticMQ: "taken", moto: "taken",
			do: func(q queue) string {
				handle := q.takeNew().ReceiptHandle
				q.must(q.show(handle, 0))
				return name(q.show(handle, 1))
			},
		},
		{
			name: "with what is no receipt handle", page: "API_ChangeMessageVisibility", want: "ReceiptHandleIsInvalid",
			do: func(q queue) string { return name(q.show(aws.String("a handle"), 1)) },
		},
	}},
	{"Batches", append(batchSteps(), []step{
		{
			name: "sending 1 MiB in all, with attributes", page: "API_SendMessageBatch", want: "2 done",
			do: func(q queue) string { return count(q.sendBatch(halves(0)...)) },
		},
		{
			name: "sending 1 MiB and a byte in all, with attributes", page: "API_SendMessageBatch", want: "BatchRequestTooLong",
			elasticMQ: "2 done", moto: "2 done",
			do: func(q queue) string { return count(q.sendBatch(halves(1)...)) },
		},
		{
			name: "sending, each entry has its own result", page: "API_SendMessageBatch",
			want:      "bad InvalidMessageContents, the sender's fault; good done",
			elasticMQ: "bad InvalidAttributeValue, the sender's fault; good done", moto: "bad done; good done",
			do: func(q queue) string {
				return q.sendBatch(entry("good", "a message"), entry("bad", "\x01"))
			},
		},
		{
			name: "sending, the MD5 of body and attributes", page: "API_SendMessageBatchResultEntry", want: "as it was",
			do: func(q queue) string {
				e := entry("a", "a message")
				e.MessageAttributes = three
				out, err := q.api.SendMessageBatch(q.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: []types.SendMessageBatchRequestEntry{e}})
				q.must(err)
				got := out.Successful[0]
				return unless(*got.MD5OfMessageBody != digest([]byte(*e.MessageBody)), "another MD5 of the body",
					aws.ToString(got.MD5OfMessageAttributes) != attributesDigest(three), "another MD5 of the attributes",
					*got.MessageId != *q.take(0).MessageId, "another ID")
			},
		},
		{
			name: "deleting, each entry has its own result", page: "API_DeleteMessageBatch",
			want: "bad ReceiptHandleIsInvalid, the sender's fault; good done",
			do: func(q queue) string {
				return q.deleteBatch(deleting("good", q.takeNew().ReceiptHandle), deleting("bad", aws.String("a handle")))
			},
		},
		{
			name: "changing visibility timeouts, each entry has its own result", page: "API_ChangeMessageVisibilityBatch",
			want: "bad ReceiptHandleIsInvalid, the sender's fault; good done",
			do: func(q queue) string {
				return q.showBatch(showing("good", q.takeNew().ReceiptHandle, 1), showing("bad", aws.String("a handle"), 1))
			},
		},
		{
			name: "changing visibility timeouts, to more than 12 hours", page: "CommonErrors",
			want:      "a InvalidParameterValue, the sender's fault",
			elasticMQ: "a done",
			do: func(q queue) string {
				return q.showBatch(showing("a", q.takeNew().ReceiptHandle, 43201))
			},
		},
		{
			name: "changing visibility timeouts, to 0", page: "API_ChangeMessageVisibilityBatch", want: "it comes",
			do: func(q queue) string {
				first := q.takeNew()
				q.must(sent(q.showBatch(showing("a", first.ReceiptHandle, 0))))
				return strings.TrimSpace(again(first, q.take(1)))
			},
		},
	}...)},
	{"Dead-letter queues", []step{
		{
			name: "a message that was received maxReceiveCount times", page: "sqs-dead-letter-queues", want: "as it was",
			do: redriven(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, func(before, after types.Message) string {
				return unless(*after.MessageId != *before.MessageId, "another ID", *after.Body != *before.Body, "another body",
					shown(after.MessageAttributes) != shown(before.MessageAttributes), "other attributes")
			}),
		},
		{
			name: "a maxReceiveCount in quotes", page: "API_SetQueueAttributes", want: "as it was",
			do: redriven(`{"deadLetterTargetArn":%q,"maxReceiveCount":"2"}`, func(before, after types.Message) string {
				return unless(*after.MessageId != *before.MessageId, "another ID")
			}),
		},
		{
			name: "when it was sent", page: "setting-up-dead-letter-queue-retention", want: "as it was",
			do: redriven(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, func(before, after types.Message) string {
				return unless(after.Attributes["SentTimestamp"] != before.Attributes["SentTimestamp"], "another time")
			}),
		},
		{
			name: "how often it was received, here and there", page: "API_ReceiveMessage", want: "3",
			do: redriven(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, func(_, after types.Message) string {
				return after.Attributes["ApproximateReceiveCount"]
			}),
		},
		{
			name: "where it came from", page: "API_ReceiveMessage", want: "DeadLetterQueueSourceArn is there",
			moto: "DeadLetterQueueSourceArn is not there",
			do: redriven(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, func(_, after types.Message) string {
				if after.Attributes["DeadLetterQueueSourceArn"] == "" {
					return "DeadLetterQueueSourceArn is not there"
				}
				return "DeadLetterQueueSourceArn is there"
			}),
		},
	}},
	{"Queues", []step{
		{
			name: "creating a queue that is there", page: "API_CreateQueue", want: "its URL",
			attributes: settings{"VisibilityTimeout": "60"},
			do: func(q queue) string {
				url, err := q.create(q.name, settings{"VisibilityTimeout": "60"})
				q.must(err)
				return isURL(url, q.url)
			},
		},
		{
			name: "creating a queue that is there with another attribute", page: "API_CreateQueue", want: "QueueNameExists",
			attributes: settings{"VisibilityTimeout": "60"},
			do: func(q queue) string {
				_, err := q.create(q.name, settings{"VisibilityTimeout": "61"})
				return name(err)
			},
		},
		{
			name: "what is no name for a queue", page: "API_CreateQueue", want: "all are refused",
			do: func(q queue) string {
				return which("%q", []string{"x y", "x.y", "ë", strings.Repeat("x", 81)}, func(name string) error {
					_, err := q.create(q.prefix+name, nil)
					return err
				})
			},
		},
		{
			name: "a name of 80 characters", page: "API_CreateQueue", want: "taken",
			do: func(q queue) string {
				_, err := q.create((q.name + strings.Repeat("x", 80))[:80], nil)
				return verdict(err)
			},
		},
		{
			name: "the URL by the name", page: "API_GetQueueUrl", want: "its URL",
			do: func(q queue) string {
				out, err := q.api.GetQueueUrl(q.Context(), &sqs.GetQueueUrlInput{QueueName: &q.name})
				q.must(err)
				return isURL(*out.QueueUrl, q.url)
			},
		},
		{
			name: "the ARN has the queue's name at its end", page: "API_GetQueueAttributes", want: "arn:aws:sqs:REGION:ACCOUNT:NAME",
			do: func(q queue) string {
				arn := strings.Split(q.arn(), ":")
				if len(arn) != 6 || arn[5] != q.name || arn[3] == "" || len(arn[4]) != 12 {
					return strings.Join(arn, ":")
				}
				return strings.Join(arn[:3], ":") + ":REGION:ACCOUNT:NAME"
			},
		},
		{
			name: "what a queue is like unless told otherwise", page: "API_CreateQueue",
			want:      "DelaySeconds 0, MaximumMessageSize 1048576, MessageRetentionPeriod 345600, ReceiveMessageWaitTimeSeconds 0, VisibilityTimeout 30",
			elasticMQ: "DelaySeconds 0, MaximumMessageSize , MessageRetentionPeriod , ReceiveMessageWaitTimeSeconds 0, VisibilityTimeout 30",
			do: func(q queue) string {
				got, err := q.attributes(types.QueueAttributeNameAll)
				q.must(err)
				var list []string
				for _, name := range []string{"DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout"} {
					list = append(list, name+" "+got[name])
				}
				return strings.Join(list, ", ")
			},
		},
		{
			name: "setting attributes, to a limit", page: "API_SetQueueAttributes", want: "all are taken",
			do: sets("DelaySeconds=900", "MaximumMessageSize=1024", "MaximumMessageSize=1048576", "MessageRetentionPeriod=60",
				"MessageRetentionPeriod=1209600", "ReceiveMessageWaitTimeSeconds=20", "VisibilityTimeout=0", "VisibilityTimeout=43200"),
		},
		{
			name: "setting attributes, beyond a limit", page: "API_SetQueueAttributes", want: "all are refused",
			elasticMQ: "all are taken", moto: "all are taken",
			do: sets("DelaySeconds=901", "MaximumMessageSize=1023", "MaximumMessageSize=1048577", "MessageRetentionPeriod=59",
				"MessageRetentionPeriod=1209601", "ReceiveMessageWaitTimeSeconds=21", "VisibilityTimeout=-1", "VisibilityTimeout=43201"),
		},
		{
			name: "the error for a setting beyond a limit", page: "API_SetQueueAttributes", want: "InvalidAttributeValue",
			elasticMQ: "taken", moto: "taken",
			do: func(q queue) string { return name(q.set(settings{"VisibilityTimeout": "43201"})) },
		},
		{
			name: "setting an attribute that SQS does not know", page: "API_SetQueueAttributes", want: "InvalidAttributeName",
			moto: "taken",
			do:   func(q queue) string { return name(q.set(settings{"Colour": "red"})) },
		},
		{
			name: "asking for an attribute that SQS does not know", page: "API_GetQueueAttributes", want: "InvalidAttributeName",
			elasticMQ: "taken",
			do: func(q queue) string {
				_, err := q.attributes("Colour")
				return name(err)
			},
		},
		{
			name: "how many messages are visible, in flight and delayed", page: "API_GetQueueAttributes", want: "2, 1, 3",
			do: func(q queue) string {
				q.takeNew()
				q.must(sent(q.sendBatch(entries(2, "a message")...)))
				delayed := entries(3, "a message")
				for i := range delayed {
					delayed[i].DelaySeconds = 900
				}
				q.must(sent(q.sendBatch(delayed...)))
				return q.soon("2, 1, 3", q.counts)
			},
		},
		{
			name: "listing by prefix", page: "API_ListQueues", want: "3 queues",
			do: func(q queue) string {
				return q.soon("3 queues", q.listing(3))
			},
		},
		{
			name: "listing in pages", page: "API_ListQueues", want: "3 queues",
			elasticMQ: "3 queues on a page of 2",
			do: func(q queue) string {
				return q.soon("3 queues", q.listing(2))
			},
		},
		{
			name: "listing where there is none", page: "API_ListQueues", want: "0 queues",
			do: func(q queue) string {
				out, err := q.api.ListQueues(q.Context(), &sqs.ListQueuesInput{QueueNamePrefix: aws.String(q.name + "-none")})
				q.must(err)
				return fmt.Sprintf("%d queues", len(out.QueueUrls))
			},
		},
		{
			name: "a purged queue", page: "API_PurgeQueue", want: "0, 0, 0",
			do: func(q queue) string {
				q.takeNew()
				q.must(q.send("a message", nil))
				q.must(q.purge())
				return q.soon("0, 0, 0", q.counts)
			},
		},
		{
			name: "purging again within a minute", page: "API_PurgeQueue", want: "PurgeQueueInProgress",
			elasticMQ: "taken",
			do: func(q queue) string {
				q.must(q.purge())
				return name(q.purge())
			},
		},
		{
			name: "a deleted queue", page: "API_DeleteQueue", want: "QueueDoesNotExist",
			do: func(q queue) string {
				_, err := q.api.DeleteQueue(q.Context(), &sqs.DeleteQueueInput{QueueUrl: &q.url})
				q.must(err)
				return q.soon("QueueDoesNotExist", func() string { return name(q.send("a message", nil)) })
			},
		},
		{
			name: "creating a deleted queue again within a minute", page: "API_CreateQueue", want: "QueueDeletedRecently",
			elasticMQ: "taken", moto: "taken",
			do: func(q queue) string {
				_, err := q.api.DeleteQueue(q.Context(), &sqs.DeleteQueueInput{QueueUrl: &q.url})
				q.must(err)
				_, err = q.create(q.name, nil)
				return name(err)
			},
		},
		{
			name: "every action on a queue that is not there", page: "sqs-json-api-responses", want: "QueueDoesNotExist",
			do: func(q queue) string {
				q.url += "-none"
				var others []string
				for action, call := range q.actions() {
					if got := name(call()); got != "QueueDoesNotExist" {
						others = append(others, action+": "+got)
					}
				}
				if len(others) > 0 {
					slices.Sort(others)
					return strings.Join(others, "; ")
				}
				return "QueueDoesNotExist"
			},
		},
		{
			name: "the code for that, which clients of the older protocol go by", page: "sqs-json-api-responses", want: "AWS.SimpleQueueService.NonExistentQueue",
			elasticMQ: "com.amazonaws.sqs#QueueDoesNotExist",
			do: func(q queue) string {
				q.url += "-none"
				if fault, ok := errors.AsType[smithy.APIError](q.send("a message", nil)); ok {
					return fault.ErrorCode()
				}
				return "no error"
			},
		},
	}},
}

// batchSteps are the same for all actions that take a batch.
func batchSteps() []step {
	const notSending = "DeleteMessageBatch ChangeMessageVisibilityBatch"
	var steps []step
	for action, call := range map[string]func(q queue, ids []string) string{
		"SendMessageBatch": func(q queue, ids []string) string {
			list := make([]types.SendMessageBatchRequestEntry, len(ids))
			for i := range ids {
				list[i] = entry(ids[i], "a message")
			}
			return q.sendBatch(list...)
		},
		"DeleteMessageBatch": func(q queue, ids []string) string {
			list := make([]types.DeleteMessageBatchRequestEntry, len(ids))
			for i, handle := range q.handles(len(ids)) {
				list[i] = deleting(ids[i], handle)
			}
			return q.deleteBatch(list...)
		},
		"ChangeMessageVisibilityBatch": func(q queue, ids []string) string {
			list := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(ids))
			for i, handle := range q.handles(len(ids)) {
				list[i] = showing(ids[i], handle, 60)
			}
			return q.showBatch(list...)
		},
	} {
		for _, s := range []struct {
			name, want      string
			ids             []string
			elasticMQ, moto string
			motoActions     string // those for which moto is different
		}{
			{"of no entry", "EmptyBatchRequest", []string{}, "an empty answer", "an empty answer", "ChangeMessageVisibilityBatch"},
			{"of 10 entries", "10 done", strings.Fields("0 1 2 3 4 5 6 7 8 9"), "", "", ""},
			{"of 11 entries", "TooManyEntriesInBatchRequest", strings.Fields("0 1 2 3 4 5 6 7 8 9 10"), "", "11 done", notSending},
			{"with the longest ID", "2 done", []string{"aZ-_9", strings.Repeat("x", 80)}, "", "", ""},
			{"with an ID twice", "BatchEntryIdsNotDistinct", []string{"a", "a"}, "", "2 done", notSending},
			{"with an ID of nothing", "InvalidBatchEntryId", []string{""}, "1 done", "1 done", notSending},
			{"with an ID of another character", "InvalidBatchEntryId", []string{"a.b"}, "1 done", "1 done", notSending},
			{"with an ID too long", "InvalidBatchEntryId", []string{strings.Repeat("x", 81)}, "1 done", "1 done", notSending},
		} {
			added := step{
				name: action + " " + s.name, page: "API_" + action, want: s.want, elasticMQ: s.elasticMQ,
				do: func(q queue) string { return count(call(q, s.ids)) },
			}
			if slices.Contains(strings.Fields(s.motoActions), action) {
				added.moto = s.moto
			}
			steps = append(steps, added)
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return strings.Compare(a.page, b.page) })
	return steps
}

// unless returns the text after each condition that holds.
func unless(conditions ...any) string {
	var failed []string
	for i := 0; i < len(conditions); i += 2 {
		if conditions[i].(bool) {
			failed = append(failed, conditions[i+1].(string))
		}
	}
	if len(failed) == 0 {
		return "as it was"
	}
	return strings.Join(failed, ", ")
}

// shown writes attributes in the order of their names.
func shown(all attributes) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, fmt.Sprintf("%s %s %q %v", name, *all[name].DataType, aws.ToString(all[name].StringValue), all[name].BinaryValue))
	}
	return strings.Join(list, ", ")
}

func sends(bytes int, with attributes) func(queue) string {
	return func(q queue) string { return verdict(q.send(strings.Repeat("x", bytes), with)) }
}

func numbered(n int) attributes {
	all := attributes{}
	for i := range n {
		all[fmt.Sprintf("Name%d", i)] = text("value")
	}
	return all
}

func names(all ...string) func(queue) string {
	return func(q queue) string {
		return which("%q", all, func(name string) error { return q.send("a message", attributes{name: text("value")}) })
	}
}

func dataTypes(all ...string) func(queue) string {
	return func(q queue) string {
		return which("%q", all, func(dataType string) error { return q.send("a message", attributes{"Name": text("5", dataType)}) })
	}
}

func numbers(all ...string) func(queue) string {
	return func(q queue) string {
		return which("%q", all, func(n string) error { return q.send("a message", attributes{"Name": text(n, "Number")}) })
	}
}

func delays(all ...int32) func(queue) string {
	return func(q queue) string {
		return which("%d", all, func(n int32) error {
			_, err := q.api.SendMessage(q.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("a message"), DelaySeconds: n})
			return err
		})
	}
}

func receives(all []int32, set func(*sqs.ReceiveMessageInput, int32)) func(queue) string {
	return func(q queue) string {
		return which("%d", all, func(n int32) error {
			in := &sqs.ReceiveMessageInput{QueueUrl: &q.url}
			set(in, n)
			_, err := q.api.ReceiveMessage(q.Context(), in)
			return err
		})
	}
}

func shows(all ...int32) func(queue) string {
	return func(q queue) string {
		handle := q.takeNew().ReceiptHandle
		return which("%d", all, func(n int32) error { return q.show(handle, n) })
	}
}

func sets(all ...string) func(queue) string {
	return func(q queue) string {
		return which("%s", all, func(setting string) error {
			name, value, _ := strings.Cut(setting, "=")
			return q.set(settings{name: value})
		})
	}
}

// comesAfter says whether a message came at least a second after it was sent, by the queue's clock.
func comesAfter(m types.Message) string {
	sent, _ := strconv.Atoi(m.Attributes["SentTimestamp"])
	first, _ := strconv.Atoi(m.Attributes["ApproximateFirstReceiveTimestamp"])
	return "it comes " + after(time.Duration(first-sent)*time.Millisecond)
}

func again(first, second types.Message) string {
	if *first.MessageId != *second.MessageId {
		return "another message comes "
	}
	return "it comes "
}

// waiting receives, does something as soon as the request is under way, and says whether a message came of it.
func (q queue) waiting(do func()) string {
	underWay, cancel := context.WithCancel(q.Context())
	defer cancel()
	ctx := httptrace.WithClientTrace(q.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { cancel() }})
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-underWay.Done()
		do()
	}()
	out, err := q.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q.url, WaitTimeSeconds: 20})
	<-done
	q.must(err)
	if len(out.Messages) == 0 {
		return "it does not come"
	}
	return "it comes"
}

func entry(id, body string) types.SendMessageBatchRequestEntry {
	return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body}
}

func deleting(id string, handle *string) types.DeleteMessageBatchRequestEntry {
	return types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: handle}
}

func showing(id string, handle *string, timeout int32) types.ChangeMessageVisibilityBatchRequestEntry {
	return types.ChangeMessageVisibilityBatchRequestEntry{Id: &id, ReceiptHandle: handle, VisibilityTimeout: timeout}
}

func entries(n int, body string) []types.SendMessageBatchRequestEntry {
	list := make([]types.SendMessageBatchRequestEntry, n)
	for i := range list {
		list[i] = entry(strconv.Itoa(i), body)
	}
	return list
}

// halves are two entries, which have 1 MiB and some bytes more in all.
func halves(more int) []types.SendMessageBatchRequestEntry {
	list := entries(2, strings.Repeat("x", maxBytes/2-len("NameStringvalue")))
	*list[1].MessageBody += strings.Repeat("x", more)
	for i := range list {
		list[i].MessageAttributes = attributes{"Name": text("value")}
	}
	return list
}

// handles returns receipt handles of as many messages.
func (q queue) handles(n int) []*string {
	q.Helper()
	var all []*string
	for range n {
		all = append(all, q.takeNew().ReceiptHandle)
	}
	return all
}

// count makes "2 done" of "a done; b done".
func count(results string) string {
	all := strings.Split(results, "; ")
	for _, result := range all {
		if !strings.HasSuffix(result, " done") {
			return results
		}
	}
	return fmt.Sprintf("%d done", len(all))
}

// sent returns an error unless all entries of a batch were done.
func sent(results string) error {
	if !strings.HasSuffix(count(results), " done") {
		return fmt.Errorf("the batch came to %s", results)
	}
	return nil
}

// redriven has a message move to a dead-letter queue, and compares what it was with what it is there.
func redriven(policy string, compare func(before, after types.Message) string) func(queue) string {
	return func(q queue) string {
		letters := q.another(nil)
		q.must(q.set(settings{"RedrivePolicy": fmt.Sprintf(policy, letters.arn())}))
		q.must(q.send("a message", three))
		before := q.take(600)
		q.must(q.show(before.ReceiptHandle, 0))
		q.must(q.show(q.take(600).ReceiptHandle, 0))
		if len(q.receive(&sqs.ReceiveMessageInput{WaitTimeSeconds: 1})) > 0 {
			return "it does not move"
		}
		return compare(before, letters.take(0))
	}
}

// isURL compares URLs.
func isURL(got, want string) string {
	if got != want {
		return "another URL"
	}
	return "its URL"
}

func (q queue) purge() error {
	_, err := q.api.PurgeQueue(q.Context(), &sqs.PurgeQueueInput{QueueUrl: &q.url})
	return err
}

func (q queue) counts() string {
	got, err := q.attributes(types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, types.QueueAttributeNameApproximateNumberOfMessagesDelayed)
	q.must(err)
	return strings.Join([]string{
		got["ApproximateNumberOfMessages"], got["ApproximateNumberOfMessagesNotVisible"], got["ApproximateNumberOfMessagesDelayed"],
	}, ", ")
}

// listing makes three queues whose names begin alike, and lists them.
func (q queue) listing(pageSize int32) func() string {
	prefix := q.name + "-"
	for i := range 3 {
		_, err := q.create(prefix+strconv.Itoa(i), nil)
		q.must(err)
	}
	return func() string {
		found := map[string]bool{}
		pages := sqs.NewListQueuesPaginator(q.api, &sqs.ListQueuesInput{QueueNamePrefix: &prefix, MaxResults: &pageSize})
		for pages.HasMorePages() {
			page, err := pages.NextPage(q.Context())
			q.must(err)
			if len(page.QueueUrls) > int(pageSize) {
				return fmt.Sprintf("%d queues on a page of %d", len(page.QueueUrls), pageSize)
			}
			for _, url := range page.QueueUrls {
				found[url] = true
			}
		}
		return fmt.Sprintf("%d queues", len(found))
	}
}

// actions are all that are about one queue.
func (q queue) actions() map[string]func() error {
	ctx, url, handle := q.Context(), &q.url, aws.String("a handle")
	return map[string]func() error{
		"ChangeMessageVisibility": func() error { return q.show(handle, 1) },
		"ChangeMessageVisibilityBatch": func() error {
			_, err := q.api.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
				QueueUrl: url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{showing("a", handle, 1)},
			})
			return err
		},
		"DeleteMessage": func() error { return q.delete(handle) },
		"DeleteMessageBatch": func() error {
			_, err := q.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{
				QueueUrl: url, Entries: []types.DeleteMessageBatchRequestEntry{deleting("a", handle)},
			})
			return err
		},
		"DeleteQueue": func() error {
			_, err := q.api.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: url})
			return err
		},
		"GetQueueAttributes": func() error {
			_, err := q.attributes(types.QueueAttributeNameAll)
			return err
		},
		"GetQueueUrl": func() error {
			_, err := q.api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(q.name + "-none")})
			return err
		},
		"PurgeQueue": q.purge,
		"ReceiveMessage": func() error {
			_, err := q.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url})
			return err
		},
		"SendMessage": func() error { return q.send("a message", nil) },
		"SendMessageBatch": func() error {
			_, err := q.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{
				QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{entry("a", "a message")},
			})
			return err
		},
		"SetQueueAttributes": func() error { return q.set(settings{"VisibilityTimeout": "60"}) },
	}
}
