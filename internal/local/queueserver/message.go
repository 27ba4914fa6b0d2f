package queueserver

import (
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"time"
)

// message is a message in a queue.
type message struct {
	*content
	sentAt          time.Duration
	firstReceivedAt time.Duration
	receivedAt      time.Duration
	receives        uint64
	source          string // ARN of the queue that a redrive policy took it from.

	// What follows is for the queue that has it.
	queueID   uint64
	number    uint64
	visibleAt time.Duration
	inFlight  bool
	schedule  *messageHeap // The one of the queue's two that has it.
	place     int          // In schedule.
	agePlace  int
}

// content is what a message's sender gave. It never changes, so it can be read without a lock.
type content struct {
	id          string
	sender      string
	body        string
	bodyDigest  string
	attributes  map[string]attribute
	traceHeader string
	groupID     string
}

// receipt is of the message's latest receive.
func (m *message) receipt() receipt {
	return receipt{queue: m.queueID, message: m.number, receive: m.receives}
}

func (c *content) bytes() int {
	return len(c.body) + attributeBytes(c.attributes)
}

// outgoing is a message to send, or an entry of a batch of them.
type outgoing struct {
	ID                      string `json:"Id"`
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]attribute
	MessageSystemAttributes map[string]attribute
	MessageGroupID          *string `json:"MessageGroupId"`
	MessageDeduplicationID  *string `json:"MessageDeduplicationId"`
}

func (o outgoing) entryID() string { return o.ID }

type sent struct {
	ID                           string `json:"Id,omitempty"`
	MessageID                    string `json:"MessageId"`
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
}

type sendMessageInput struct {
	QueueURL string `json:"QueueUrl"`
	outgoing
}

func (s *Server) sendMessage(r *http.Request, in *sendMessageInput) (*sent, error) {
	return s.send(in.QueueURL, sender(r), &in.outgoing)
}

type sendMessageBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []outgoing
}

func (s *Server) sendMessageBatch(r *http.Request, in *sendMessageBatchInput) (*batchResult[*sent], error) {
	total := 0
	for _, entry := range in.Entries {
		total += len(entry.MessageBody) + attributeBytes(entry.MessageAttributes)
	}
	from := sender(r)
	return batch(s, in.QueueURL, in.Entries, total, func(entry outgoing) (*sent, error) {
		return s.send(in.QueueURL, from, &entry)
	})
}

func (s *Server) send(queueURL, sender string, out *outgoing) (*sent, error) {
	c, err := out.content(sender)
	if err != nil {
		return nil, err
	}
	err = s.with(queueURL, func(q *queue) error {
		if c.bytes() > q.maximumMessageSize {
			return invalidParameterValue.because("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.",
				q.maximumMessageSize)
		}
		delay := q.delaySeconds
		if out.DelaySeconds != nil {
			delay = *out.DelaySeconds
		}
		q.put(&message{content: c, sentAt: q.now, visibleAt: q.now + seconds(delay)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &sent{
		ID:                           out.ID,
		MessageID:                    c.id,
		MD5OfMessageBody:             c.bodyDigest,
		MD5OfMessageAttributes:       attributesDigest(c.attributes),
		MD5OfMessageSystemAttributes: attributesDigest(out.MessageSystemAttributes),
	}, nil
}

// content checks all of a message that does not depend on its queue.
func (o *outgoing) content(sender string) (*content, error) {
	c := &content{id: newUUID(), sender: sender, body: o.MessageBody, bodyDigest: digest([]byte(o.MessageBody)), attributes: o.MessageAttributes}
	if o.MessageBody == "" {
		return nil, missingParameter.because("The request must contain the parameter MessageBody.")
	}
	if !allowedText(o.MessageBody) {
		return nil, invalidMessageContents.because("Invalid characters found. Valid unicode characters are %s.", allowedCharacters)
	}
	if d := o.DelaySeconds; d != nil && !within(0, *d, maxDelay) {
		return nil, invalidParameterValue.because("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= %d.",
			*d, maxDelay)
	}
	if o.MessageDeduplicationID != nil {
		return nil, invalidParameterValue.because("Value %s for parameter MessageDeduplicationId is invalid. "+
			"Reason: The request includes a parameter that is not valid for this queue type.", *o.MessageDeduplicationID)
	}
	if id := o.MessageGroupID; id != nil {
		if !nameLike(*id, maxGroupID, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") {
			return nil, invalidParameterValue.because("Value %s for parameter MessageGroupId is invalid. "+
				"Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to %d in length.", *id, maxGroupID)
		}
		c.groupID = *id
	}
	if err := checkAttributes(o.MessageAttributes); err != nil {
		return nil, err
	}
	for name, a := range o.MessageSystemAttributes {
		if name != "AWSTraceHeader" || a.DataType != "String" || a.StringValue == "" || !allowedText(a.StringValue) {
			return nil, invalidParameterValue.because("Message system attribute '%s' is invalid. "+
				"Reason: The only one that can be sent is AWSTraceHeader, of type String, with an X-Ray trace header.", name)
		}
		c.traceHeader = a.StringValue
	}
	return c, nil
}

func digest(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}
