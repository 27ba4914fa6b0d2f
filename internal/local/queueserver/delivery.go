package queueserver

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type receiveMessageInput struct {
	QueueURL                    string `json:"QueueUrl"`
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	AttributeNames              []string // What MessageSystemAttributeNames was called before.
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
}

type receiveMessageOutput struct {
	Messages []delivery `json:",omitempty"`
}

// delivery is a message as a receive answers it.
type delivery struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	Body                   string
	MD5OfBody              string
	Attributes             map[string]string    `json:",omitempty"`
	MessageAttributes      map[string]attribute `json:",omitempty"`
	MD5OfMessageAttributes string               `json:",omitempty"`
}

func (s *Server) receiveMessage(r *http.Request, in *receiveMessageInput) (*receiveMessageOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	var end time.Time // Of the wait, once the queue has told its default.
	for {
		var taken []message
		var arrival <-chan struct{}
		var pause time.Duration
		err := s.with(in.QueueURL, func(q *queue) error {
			wait := seconds(valueOr(in.WaitTimeSeconds, q.receiveMessageWaitTimeSeconds))
			if end.IsZero() {
				end = time.Now().Add(wait)
			}
			limit := min(valueOr(in.MaxNumberOfMessages, 1), maxInFlight-q.inFlight)
			if limit == 0 && wait == 0 { // Long polling gets no error, but waits for the limit's end too.
				return overLimit.because("%d messages are in flight, and that is the most: delete messages first.", maxInFlight)
			}
			taken = q.take(limit, seconds(valueOr(in.VisibilityTimeout, q.visibilityTimeout)), s.deadLetterQueue(q))
			if len(taken) > 0 {
				return nil
			}
			arrival, pause = q.nextArrival(), time.Until(end)
			if next := q.hidden.first(); next != nil {
				pause = min(pause, s.clock.wall(next.visibleAt-q.now))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(taken) > 0 || !time.Now().Before(end) {
			return s.deliveries(taken, in), nil
		}
		select {
		case <-arrival:
		case <-time.After(pause):
		case <-r.Context().Done():
			return s.deliveries(nil, in), nil
		}
	}
}

func (in *receiveMessageInput) check() error {
	if n := in.MaxNumberOfMessages; n != nil && !within(1, *n, maxReceivedMessages) {
		return invalidParameterValue.because("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and %d, if provided.",
			*n, maxReceivedMessages)
	}
	if n := in.WaitTimeSeconds; n != nil && !within(0, *n, maxWait) {
		return invalidParameterValue.because("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= %d, if provided.",
			*n, maxWait)
	}
	if n := in.VisibilityTimeout; n != nil {
		if err := checkVisibilityTimeout(*n); err != nil {
			return err
		}
	}
	for _, name := range slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames) {
		if _, ok := systemAttributes[name]; !ok && name != "All" {
			return invalidAttributeName.because("Unknown Attribute %s.", name)
		}
	}
	return nil
}

func valueOr(n *int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	return *n
}

func (s *Server) deliveries(taken []message, in *receiveMessageInput) *receiveMessageOutput {
	out := &receiveMessageOutput{}
	names := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	for _, m := range taken {
		chosen := chooseAttributes(m.attributes, in.MessageAttributeNames)
		out.Messages = append(out.Messages, delivery{
			MessageID:              m.id,
			ReceiptHandle:          m.receipt().handle(s.seal),
			Body:                   m.body,
			MD5OfBody:              m.bodyDigest,
			Attributes:             s.systemAttributes(&m, names),
			MessageAttributes:      chosen,
			MD5OfMessageAttributes: attributesDigest(chosen), // Of the answered ones: that is what SDKs compare it with.
		})
	}
	return out
}

// systemAttributes are what SQS knows of a message; one that the message does not have is empty.
var systemAttributes = map[string]func(clock, *message) string{
	"ApproximateFirstReceiveTimestamp": func(c clock, m *message) string { return milliseconds(c.date(m.firstReceivedAt)) },
	"ApproximateReceiveCount":          func(_ clock, m *message) string { return strconv.FormatUint(m.receives, 10) },
	"AWSTraceHeader":                   func(_ clock, m *message) string { return m.traceHeader },
	"DeadLetterQueueSourceArn":         func(_ clock, m *message) string { return m.source },
	"MessageDeduplicationId":           func(clock, *message) string { return "" },
	"MessageGroupId":                   func(_ clock, m *message) string { return m.groupID },
	"SenderId":                         func(_ clock, m *message) string { return m.sender },
	"SentTimestamp":                    func(c clock, m *message) string { return milliseconds(c.date(m.sentAt)) },
	"SequenceNumber":                   func(clock, *message) string { return "" },
}

func milliseconds(t time.Time) string {
	return strconv.FormatInt(t.UnixMilli(), 10)
}

func (s *Server) systemAttributes(m *message, names []string) map[string]string {
	if slices.Contains(names, "All") {
		names = slices.Collect(maps.Keys(systemAttributes))
	}
	values := make(map[string]string, len(names))
	for _, name := range names {
		if value := systemAttributes[name](s.clock, m); value != "" {
			values[name] = value
		}
	}
	return values
}

// chooseAttributes returns the attributes that a receive asks for: by name, by "prefix.*", or all by "All" or ".*".
func chooseAttributes(attributes map[string]attribute, names []string) map[string]attribute {
	chosen := map[string]attribute{}
	for name, a := range attributes {
		if slices.ContainsFunc(names, func(wanted string) bool {
			prefix, isPrefix := strings.CutSuffix(wanted, ".*")
			return wanted == name || wanted == "All" || isPrefix && strings.HasPrefix(name, prefix)
		}) {
			chosen[name] = a
		}
	}
	return chosen
}
