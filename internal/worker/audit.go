package worker

import (
	"io"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"chime-offboarding/internal/queue"
	"chime-offboarding/internal/suspension"
)

// audit writes those lines of an event that others rely on: the audit trail and the metrics. They are put together by hand,
// because there is one for every user.
type audit struct {
	output io.Writer
	common []byte // the members that every line has, but for the time
	lines  []byte // not written yet

	at    time.Time // of the last line
	start []byte    // of a line of that time

	err error // the first failure to write, after which nothing is written
}

// flushBytes is from what size on lines are written out.
const flushBytes = 64 << 10

func newAudit(output io.Writer, requestID string) *audit {
	a := &audit{output: output}
	a.lines = append(a.lines, `,"level":"INFO"`...)
	a.text("requestId", requestID)
	a.common, a.lines = a.lines, nil
	return a
}

// calling writes who is about to be suspended, and reports whether the line is out: without it the call must not be made.
func (a *audit) calling(call suspension.Call) bool {
	a.begin(time.Now())
	a.text("message", "calling BatchSuspendUser")
	a.text("accountId", call.AccountID)
	a.name("userIds")
	a.lines = append(a.lines, '[')
	for i, u := range call.Users {
		if i > 0 {
			a.lines = append(a.lines, ',')
		}
		a.quote(u.ID)
	}
	a.lines = append(a.lines, ']')
	a.end()
	a.flush()
	return a.err == nil
}

// user gathers the line that says what became of a user of a message.
func (a *audit) user(at time.Time, m *message, user int) {
	u := m.users[user]
	outcome := "returned"
	switch {
	case u.Outcome == suspension.Suspended:
		outcome = "suspended"
	case m.lettered != nil && m.lettered[user]:
		outcome = "deadLettered"
	}
	a.begin(at)
	a.text("message", "user accounted for")
	a.text("accountId", m.request.AccountID)
	a.text("userId", u.ID)
	a.text("messageId", m.MessageID)
	a.text("outcome", outcome)
	if u.Code != "" {
		a.text("errorCode", u.Code)
	}
	if u.RequestID != "" {
		a.text("chimeRequestId", u.RequestID)
	}
	a.text("correlationId", logged(m.request.CorrelationID))
	a.end()
	if len(a.lines) >= flushBytes {
		a.flush()
	}
}

// logged returns a text of a sender's as a line has it. It is cut, because nothing else bounds it, and there is a line for each
// user of a message.
func logged(text string) string {
	const maxLength = 1024
	if len(text) <= maxLength {
		return text
	}
	return queue.AttributeValue(text)
}

// counts are the metrics of an event.
type counts struct {
	messagesReceived  int
	usersSuspended    int // each account's user once
	usersDeadLettered int // letters taken for a user
	messagesReturned  int
	invalidMessages   int
	chimeCalls        int // splits included, the SDK's attempts within a call not
}

// metrics writes the event's line in the CloudWatch embedded metric format
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
func (a *audit) metrics(functionName string, c counts) {
	now := time.Now()
	metrics := []struct {
		name  string
		value int
	}{
		{"MessagesReceived", c.messagesReceived},
		{"UsersSuspended", c.usersSuspended},
		{"UsersDeadLettered", c.usersDeadLettered},
		{"MessagesReturned", c.messagesReturned},
		{"InvalidMessages", c.invalidMessages},
		{"ChimeCalls", c.chimeCalls},
	}
	a.begin(now)
	a.text("message", "event done")
	a.name("_aws")
	a.lines = append(a.lines, `{"Timestamp":`...)
	a.lines = strconv.AppendInt(a.lines, now.UnixMilli(), 10)
	a.lines = append(a.lines, `,"CloudWatchMetrics":[{"Namespace":"ChimeSuspension","Dimensions":[["FunctionName"]],"Metrics":[`...)
	for i, metric := range metrics {
		if i > 0 {
			a.lines = append(a.lines, ',')
		}
		a.lines = append(a.lines, `{"Name":`...)
		a.quote(metric.name)
		a.lines = append(a.lines, `,"Unit":"Count"}`...)
	}
	a.lines = append(a.lines, `]}]}`...)
	a.text("FunctionName", functionName)
	for _, metric := range metrics {
		a.name(metric.name)
		a.lines = strconv.AppendInt(a.lines, int64(metric.value), 10)
	}
	a.end()
	a.flush()
}

// begin opens a line with what all have.
func (a *audit) begin(at time.Time) {
	if a.start == nil || !at.Equal(a.at) { // Many lines have the same time.
		a.at = at
		a.start = append(a.start[:0], `{"timestamp":"`...)
		a.start = at.UTC().AppendFormat(a.start, timeFormat)
		a.start = append(a.start, '"')
		a.start = append(a.start, a.common...)
	}
	a.lines = append(a.lines, a.start...)
}

func (a *audit) name(name string) {
	a.lines = append(a.lines, ',', '"')
	a.lines = append(a.lines, name...)
	a.lines = append(a.lines, '"', ':')
}

func (a *audit) text(name, value string) {
	a.name(name)
	a.quote(value)
}

func (a *audit) quote(value string) {
	a.lines, _ = jsontext.AppendQuote(a.lines, value) // Invalid UTF-8, which no ID has, would become U+FFFD.
}

func (a *audit) end() { a.lines = append(a.lines, '}', '\n') }

// flush writes the lines gathered so far.
func (a *audit) flush() {
	if a.err == nil {
		_, a.err = a.output.Write(a.lines)
	}
	a.lines = a.lines[:0]
}
