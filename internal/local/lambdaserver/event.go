package lambdaserver

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	eventStart = `{"Records":[`
	eventEnd   = `]}`
)

// event is an SQS event as Lambda hands it to a function: Lambda developer
// guide, with-sqs, "Example standard queue message event".
type event struct {
	messages  []types.Message
	json      []byte // without eventEnd
	recordEnd []byte
	names     []string // of attributes, to be used again
}

func newEvent(recordEnd []byte) *event {
	return &event{json: []byte(eventStart), recordEnd: recordEnd}
}

// recordEnd returns the last members of each record from a queue, which tell
// where it is from.
func recordEnd(queueARN string) ([]byte, error) {
	fields := strings.Split(queueARN, ":")
	if len(fields) != 6 {
		return nil, fmt.Errorf("the queue's ARN is %q; it should have the form arn:aws:sqs:region:account:name", queueARN)
	}
	b := appendMember([]byte{','}, "eventSource", "aws:sqs")
	b = appendMember(append(b, ','), "eventSourceARN", queueARN)
	b = appendMember(append(b, ','), "awsRegion", fields[3])
	return append(b, '}'), nil
}

// add appends a message, unless the event would become too large for Lambda.
// A message that is too large by itself is for Lambda to refuse.
func (e *event) add(m types.Message) bool {
	before := len(e.json)
	if len(e.messages) > 0 {
		e.json = append(e.json, ',')
	}
	e.appendRecord(m)
	if len(e.json)+len(eventEnd) > maxPayload && len(e.messages) > 0 {
		e.json = e.json[:before]
		return false
	}
	e.messages = append(e.messages, m)
	return true
}

// fill adds messages and returns those that the event has no room for.
func (e *event) fill(messages []types.Message) []types.Message {
	for i, m := range messages {
		if !e.add(m) {
			return messages[i:]
		}
	}
	return nil
}

// payload returns the event's JSON. Nothing can be added afterwards.
func (e *event) payload() []byte { return append(e.json, eventEnd...) }

func (e *event) appendRecord(m types.Message) {
	b := e.json
	b = appendMember(append(b, '{'), "messageId", aws.ToString(m.MessageId))
	b = appendMember(append(b, ','), "receiptHandle", aws.ToString(m.ReceiptHandle))
	b = appendMember(append(b, ','), "body", aws.ToString(m.Body))
	b = append(b, `,"attributes":{`...)
	e.names = slices.AppendSeq(e.names[:0], maps.Keys(m.Attributes))
	slices.Sort(e.names)
	for i, name := range e.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendMember(b, name, m.Attributes[name])
	}
	b = append(b, `},"messageAttributes":{`...)
	e.names = slices.AppendSeq(e.names[:0], maps.Keys(m.MessageAttributes))
	slices.Sort(e.names)
	for i, name := range e.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendAttribute(b, name, m.MessageAttributes[name])
	}
	b = append(b, '}')
	if m.MD5OfMessageAttributes != nil {
		b = appendMember(append(b, ','), "md5OfMessageAttributes", *m.MD5OfMessageAttributes)
	}
	b = appendMember(append(b, ','), "md5OfBody", aws.ToString(m.MD5OfBody))
	b = append(b, e.recordEnd...)
	e.json = b
}

// appendAttribute appends a message attribute. SQS has no lists yet, and
// Lambda writes them nevertheless.
func appendAttribute(b []byte, name string, value types.MessageAttributeValue) []byte {
	b = appendString(b, name)
	b = append(b, ":{"...)
	if value.StringValue != nil {
		b = append(appendMember(b, "stringValue", *value.StringValue), ',')
	}
	if value.BinaryValue != nil {
		b = append(b, `"binaryValue":"`...)
		b = base64.StdEncoding.AppendEncode(b, value.BinaryValue)
		b = append(b, `",`...)
	}
	b = append(b, `"stringListValues":[],"binaryListValues":[],`...)
	return append(appendMember(b, "dataType", aws.ToString(value.DataType)), '}')
}

func appendMember(b []byte, name, value string) []byte {
	return appendString(append(appendString(b, name), ':'), value)
}

func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // It fails for invalid UTF-8, which it has then replaced.
	return b
}
