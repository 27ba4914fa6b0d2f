package queue

import (
	"strconv"

	"chime-offboarding/internal/plain"
)

// plainDecoder is quick to decode an event as Lambda writes it for most queues. It says no to all others, which are for
// eventDecoder; of those that it decodes, eventDecoder would make the same.
type plainDecoder struct {
	*plain.Reader[[]byte]
	texts
	scratch []byte
	arn     string // the last one: all records of an event have the same
}

func decodePlain(payload []byte) (records []Record, ok bool) {
	d := plainDecoder{Reader: plain.NewReader(payload)}
	for name := range d.Object() {
		if string(name) != "Records" || records != nil {
			return nil, false
		}
		records = make([]Record, 0, len(payload)/typicalRecord+1)
		for range d.Array() {
			record, ok := d.record()
			if !ok {
				return nil, false
			}
			records = append(records, record)
		}
	}
	return records, records != nil && d.Done()
}

func (d *plainDecoder) record() (r Record, ok bool) {
	r.ReceiveCount = 1
	var source []byte
	hasBody := false
	for name := range d.Object() {
		switch string(name) {
		case "messageId":
			r.MessageID = d.keep(d.String())
		case "receiptHandle":
			r.ReceiptHandle = d.keep(d.String())
		case "body":
			d.scratch = d.Append(d.scratch[:0])
			r.Body, hasBody = d.keep(d.scratch), true
		case "eventSource":
			source = d.String()
		case "eventSourceARN":
			if arn := d.String(); string(arn) != d.arn {
				d.arn = string(arn)
			}
			r.SourceARN = d.arn
		case "attributes":
			r.ReceiveCount = d.receiveCount()
		default:
			d.Skip(3) // The message's own attributes are objects with lists in an object.
		}
	}
	return r, string(source) == ofSQS && r.check(ofSQS, hasBody) == nil
}

func (d *plainDecoder) receiveCount() int {
	count := 1
	for name := range d.Object() {
		text := d.String()
		if string(name) == "ApproximateReceiveCount" {
			if n, err := strconv.Atoi(string(text)); err == nil {
				count = n
			}
		}
	}
	return count
}
