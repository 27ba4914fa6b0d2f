package lambdaserver

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

const testQueueARN = "arn:aws:sqs:eu-west-1:123456789012:suspensions"

func newTestEvent(tb testing.TB) *event {
	tb.Helper()
	end, err := recordEnd(testQueueARN)
	if err != nil {
		tb.Fatal(err)
	}
	return newEvent(end)
}

func testMessage(id, body string) types.Message {
	return types.Message{
		MessageId:     aws.String(id),
		ReceiptHandle: aws.String("AQEB" + id),
		Body:          aws.String(body),
		MD5OfBody:     aws.String("9bb58f26192e4ba00f01e2e7b136bbd8"),
		Attributes: map[string]string{
			"ApproximateReceiveCount":          "1",
			"SentTimestamp":                    "1523232000000",
			"SenderId":                         "123456789012",
			"ApproximateFirstReceiveTimestamp": "1523232000001",
		},
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	e := newTestEvent(t)
	plain := testMessage("m1", "{\"userId\":\"ü<&>\u2028\"}\n")
	rich := testMessage("m2", "")
	rich.MD5OfMessageAttributes = aws.String("7c815262be77a62f56671125069ca888")
	rich.MessageAttributes = map[string]types.MessageAttributeValue{
		"ReceiveCount": {DataType: aws.String("Number"), StringValue: aws.String("5")},
		"Blob":         {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
	}
	if left := e.fill([]types.Message{plain, rich}); left != nil {
		t.Fatalf("%d messages are left over", len(left))
	}

	want := `{"Records":[` +
		`{"messageId":"m1","receiptHandle":"AQEBm1","body":"{\"userId\":\"ü<&>` + "\u2028" + `\"}\n",` +
		`"attributes":{"ApproximateFirstReceiveTimestamp":"1523232000001","ApproximateReceiveCount":"1",` +
		`"SenderId":"123456789012","SentTimestamp":"1523232000000"},"messageAttributes":{},` +
		`"md5OfBody":"9bb58f26192e4ba00f01e2e7b136bbd8","eventSource":"aws:sqs",` +
		`"eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:suspensions","awsRegion":"eu-west-1"},` +
		`{"messageId":"m2","receiptHandle":"AQEBm2","body":"",` +
		`"attributes":{"ApproximateFirstReceiveTimestamp":"1523232000001","ApproximateReceiveCount":"1",` +
		`"SenderId":"123456789012","SentTimestamp":"1523232000000"},"messageAttributes":{` +
		`"Blob":{"binaryValue":"AP8=","stringListValues":[],"binaryListValues":[],"dataType":"Binary"},` +
		`"ReceiveCount":{"stringValue":"5","stringListValues":[],"binaryListValues":[],"dataType":"Number"}},` +
		`"md5OfMessageAttributes":"7c815262be77a62f56671125069ca888",` +
		`"md5OfBody":"9bb58f26192e4ba00f01e2e7b136bbd8","eventSource":"aws:sqs",` +
		`"eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:suspensions","awsRegion":"eu-west-1"}]}`
	payload := e.payload()
	if diff := cmp.Diff(want, string(payload)); diff != "" {
		t.Errorf("the event differs (-want +got):\n%s", diff)
	}

	var decoded events.SQSEvent
	if err := json.Unmarshal(payload, &decoded); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(events.SQSEvent{Records: []events.SQSMessage{
		{
			MessageId:         "m1",
			ReceiptHandle:     "AQEBm1",
			Body:              *plain.Body,
			Md5OfBody:         *plain.MD5OfBody,
			Attributes:        plain.Attributes,
			MessageAttributes: map[string]events.SQSMessageAttribute{},
			EventSourceARN:    testQueueARN,
			EventSource:       "aws:sqs",
			AWSRegion:         "eu-west-1",
		},
		{
			MessageId:              "m2",
			ReceiptHandle:          "AQEBm2",
			Md5OfBody:              *rich.MD5OfBody,
			Md5OfMessageAttributes: *rich.MD5OfMessageAttributes,
			Attributes:             rich.Attributes,
			MessageAttributes: map[string]events.SQSMessageAttribute{
				"ReceiveCount": {DataType: "Number", StringValue: aws.String("5"), StringListValues: []string{}, BinaryListValues: [][]byte{}},
				"Blob":         {DataType: "Binary", BinaryValue: []byte{0, 255}, StringListValues: []string{}, BinaryListValues: [][]byte{}},
			},
			EventSourceARN: testQueueARN,
			EventSource:    "aws:sqs",
			AWSRegion:      "eu-west-1",
		},
	}}, decoded); diff != "" {
		t.Errorf("the decoded event differs (-want +got):\n%s", diff)
	}
}

func TestEventSize(t *testing.T) {
	t.Parallel()
	empty := newTestEvent(t)
	empty.add(testMessage("1", ""))
	withTwo := newTestEvent(t)
	withTwo.fill([]types.Message{testMessage("1", ""), testMessage("2", "")})
	room := maxPayload - len(withTwo.payload())

	tests := []struct {
		name   string
		bodies []int // sizes, in bytes
		want   int   // messages in the event
	}{
		{"two messages fill the event", []int{room - 1000, 1000}, 2},
		{"the second is a byte too large", []int{room - 1000, 1001}, 1},
		{"a later one that fits does not overtake", []int{room - 1000, 1001, 1}, 1},
		{"one that is too large by itself", []int{maxPayload}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var messages []types.Message
			for i, size := range test.bodies {
				messages = append(messages, testMessage(strconv.Itoa(i), strings.Repeat("x", size)))
			}
			e := newTestEvent(t)
			left := e.fill(messages)
			if len(e.messages) != test.want || len(left) != len(messages)-test.want {
				t.Errorf("got %d messages in the event and %d left, want %d in it", len(e.messages), len(left), test.want)
			}
			var decoded events.SQSEvent
			if err := json.Unmarshal(e.payload(), &decoded); err != nil || len(decoded.Records) != test.want {
				t.Errorf("got %d records and the error %v", len(decoded.Records), err)
			}
		})
	}
}

func BenchmarkEvent(b *testing.B) {
	var messages []types.Message
	for i := range 8000 {
		messages = append(messages, testMessage(strconv.Itoa(i), `{"accountId":"a1","userId":"u1","correlationId":"c1"}`))
	}
	b.ReportAllocs()
	for b.Loop() {
		e := newTestEvent(b)
		e.fill(messages)
		b.SetBytes(int64(len(e.payload())))
	}
}
