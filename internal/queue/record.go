// Package queue is the worker's side of Amazon SQS: the messages that Lambda hands over in an event, the dead letters that
// are sent, and when a message that is handed back is delivered again.
package queue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Record is a message of the queue, as an event has it
// (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
type Record struct {
	MessageID     string
	ReceiptHandle string
	Body          string
	SourceARN     string // of the queue
	ReceiveCount  int    // how often the message was received, this time included; 1 where the event does not say
}

// DecodeEvent returns the records of an event of a standard queue, in its order. Anything else is an error.
func DecodeEvent(payload []byte) ([]Record, error) {
	if records, ok := decodePlain(payload); ok {
		return records, nil
	}
	return decode(payload)
}

// decode decodes any event.
func decode(payload []byte) ([]Record, error) {
	d := eventDecoder{
		// Lambda's own events are valid; what is in them is for the reader of a body to judge.
		Decoder: jsontext.NewDecoder(bytes.NewBuffer(payload), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
	}
	records, err := d.event(make([]Record, 0, len(payload)/typicalRecord+1))
	if err != nil {
		return nil, fmt.Errorf("this is not an event of a standard SQS queue: %w: check the function's event source mapping", err)
	}
	return records, nil
}

const (
	typicalRecord = 512      // bytes of a record in an event
	chunkBytes    = 64 << 10 // of strings allocated at once
)

// eventDecoder keeps what the worker needs of an event and skips the rest.
type eventDecoder struct {
	*jsontext.Decoder
	texts
	scratch []byte
	arn     string // the last one kept: all records of an event have the same
}

// event appends the records to an empty slice.
func (d *eventDecoder) event(records []Record) ([]Record, error) {
	found := false
	err := d.object(func(name []byte) error {
		if string(name) != "Records" || d.PeekKind() != '[' {
			return d.SkipValue()
		}
		found = true
		records = records[:0]
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		for d.PeekKind() != ']' {
			record, err := d.record()
			if err != nil {
				return fmt.Errorf("record %d: %w", len(records), err)
			}
			records = append(records, record)
		}
		_, err := d.ReadToken()
		return err
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errors.New(`it has no array "Records"`)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the event")
	}
	return records, nil
}

func (d *eventDecoder) record() (Record, error) {
	r := Record{ReceiveCount: 1}
	source, hasBody := "", false
	err := d.object(func(name []byte) (err error) {
		switch string(name) {
		case "messageId":
			r.MessageID, _, err = d.string()
		case "receiptHandle":
			r.ReceiptHandle, _, err = d.string()
		case "body":
			r.Body, hasBody, err = d.string()
		case "eventSource":
			source, _, err = d.string()
		case "eventSourceARN":
			r.SourceARN, _, err = d.string()
			d.arn = r.SourceARN
		case "attributes":
			r.ReceiveCount, err = d.receiveCount()
		default:
			err = d.SkipValue()
		}
		return err
	})
	if err == nil {
		err = r.check(source, hasBody)
	}
	return r, err
}

const ofSQS = "aws:sqs" // the source of a record

// check returns what is wrong with a record that was read.
func (r *Record) check(source string, hasBody bool) error {
	switch {
	case source != ofSQS:
		return fmt.Errorf(`its "eventSource" is %q instead of %q`, source, ofSQS)
	case r.MessageID == "":
		return errors.New(`it has no "messageId"`)
	case !hasBody:
		return errors.New(`its "body" is not a string`)
	case strings.HasSuffix(r.SourceARN, ".fifo"):
		return fmt.Errorf("%s is a FIFO queue, where the first failure would have to end the batch", r.SourceARN)
	}
	return nil
}

// receiveCount reads the attributes of a record.
func (d *eventDecoder) receiveCount() (int, error) {
	if d.PeekKind() != '{' {
		return 1, d.SkipValue()
	}
	count := 1
	err := d.object(func(name []byte) error {
		if string(name) != "ApproximateReceiveCount" {
			return d.SkipValue()
		}
		text, _, err := d.string()
		if n, notANumber := strconv.Atoi(text); notANumber == nil {
			count = n
		}
		return err
	})
	return count, err
}

// object reads an object and calls member for each name, which has to read the value.
func (d *eventDecoder) object(member func(name []byte) error) error {
	if start, err := d.ReadToken(); err != nil {
		return err
	} else if start.Kind() != '{' {
		return errors.New("it is not a JSON object")
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := member(d.unquote(name)); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// string reads a value, and reports whether it is a string.
func (d *eventDecoder) string() (string, bool, error) {
	value, err := d.ReadValue()
	if err != nil || value.Kind() != '"' {
		return "", false, err
	}
	text := d.unquote(value)
	if string(text) == d.arn {
		return d.arn, true, nil
	}
	return d.keep(text), true, nil
}

// texts keeps strings one after the other, so that it takes an allocation a chunk.
type texts struct{ chunk strings.Builder }

func (t *texts) keep(text []byte) string {
	if t.chunk.Cap()-t.chunk.Len() < len(text) {
		t.chunk = strings.Builder{}
		t.chunk.Grow(max(len(text), chunkBytes))
	}
	start := t.chunk.Len()
	t.chunk.Write(text)
	return t.chunk.String()[start:]
}

// unquote returns what a JSON string stands for; the slice is good until the next read. What is not Unicode stays invalid
// UTF-8, so that it is not taken for somebody's ID that has the replacement character.
func (d *eventDecoder) unquote(quoted jsontext.Value) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var err error
	if d.scratch, err = jsontext.AppendUnquote(d.scratch[:0], quoted); err != nil {
		return bytes.ReplaceAll(d.scratch, []byte("\uFFFD"), []byte{0xFF})
	}
	return d.scratch
}
