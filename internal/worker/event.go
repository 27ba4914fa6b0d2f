package worker

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"chime-offboarding/internal/failure"
	"chime-offboarding/internal/parallel"
	"chime-offboarding/internal/queue"
	"chime-offboarding/internal/request"
	"chime-offboarding/internal/suspension"
)

// event is one invocation.
type event struct {
	*Worker
	log       *slog.Logger
	audit     *audit
	requestID string

	messages []*message // in the event's order, each once
	users    int        // of all messages
	schedule suspension.Schedule
	counts   counts
}

// message is a message of the queue with what became of its users. One that is invalid has a single user without an ID.
type message struct {
	*queue.Record
	request request.Request
	invalid *request.Error

	users    []*suspension.User // those of the request, in its order
	lettered []bool             // for each user whether the dead letter was taken
	open     int                // users neither suspended nor lettered: 0 acknowledges the message
}

// read makes messages of the records and gives the users to suspend to the schedule.
func (e *event) read(records []queue.Record) {
	var parser request.Parser
	byID := make(map[string]*message, len(records))
	e.messages = make([]*message, 0, len(records))
	messages := make([]message, len(records))
	for i := range records {
		r := &records[i]
		if m := byID[r.MessageID]; m != nil {
			if r.ReceiveCount > m.ReceiveCount {
				m.ReceiveCount, m.ReceiptHandle = r.ReceiveCount, r.ReceiptHandle
			}
			continue
		}
		m := &messages[i]
		m.Record = r
		byID[r.MessageID] = m
		e.messages = append(e.messages, m)
		e.parse(m, &parser)
		m.open = len(m.users)
		e.users += len(m.users)
	}
	e.counts.messagesReceived = len(e.messages)
}

// parse gives a message its request and users.
func (e *event) parse(m *message, parser *request.Parser) {
	m.request, m.invalid = parser.Parse(m.Body)
	if m.invalid != nil {
		e.counts.invalidMessages++
		m.users = []*suspension.User{{Result: suspension.Result{
			Outcome: suspension.DeadLetter,
			Code:    "InvalidRequest",
			Message: m.invalid.Error(),
		}}}
		return
	}
	m.request.CorrelationID = cmp.Or(m.request.CorrelationID, m.MessageID)
	m.users = make([]*suspension.User, len(m.request.UserIDs))
	for i, id := range m.request.UserIDs {
		switch {
		case e.allowed != nil && !e.allowed[m.request.AccountID]:
			m.users[i] = &suspension.User{ID: id, Result: accountNotAllowed}
		case len(e.protected) > 0 && e.protected[fold(id)]:
			m.users[i] = &suspension.User{ID: id, Result: protectedUser}
		default:
			m.users[i] = e.schedule.Add(m.request.AccountID, id)
		}
	}
}

// What becomes of users who are in no call.
var (
	accountNotAllowed = suspension.Result{
		Outcome: suspension.DeadLetter,
		Code:    "AccountNotAllowed",
		Message: "The account is not in ALLOWED_ACCOUNT_IDS: add it there and redrive, or discard this.",
	}
	protectedUser = suspension.Result{
		Outcome: suspension.DeadLetter,
		Code:    "ProtectedUser",
		Message: "The user is in PROTECTED_USER_IDS: take the ID out there and redrive, or discard this.",
	}
	dryRun = suspension.Result{
		Outcome: suspension.DeadLetter,
		Code:    "DryRun",
		Message: "DRY_RUN is true, and Chime was not called: set it to false and redrive.",
	}
	deadlineExceeded = suspension.Result{
		Code:    "DeadlineExceeded",
		Message: "The function's time was up before Chime was called: give it more time or smaller batches, and redrive.",
	}
)

// suspend makes the calls, until there is none left or the time is up.
func (e *event) suspend(ctx context.Context, until time.Time) {
	if e.config.DryRun {
		e.schedule.Stop(dryRun)
		return
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	next := func() (suspension.Call, bool) {
		if ctx.Err() != nil {
			e.schedule.Stop(deadlineExceeded)
		}
		call, ok := e.schedule.Next()
		if !ok || !e.audit.calling(call) {
			return call, false
		}
		e.counts.chimeCalls++
		return call, true
	}
	type reply struct {
		suspension.Answer
		err error
	}
	do := func(call suspension.Call) reply {
		answer, err := e.config.Chime.Suspend(ctx, call.AccountID, call.Users)
		return reply{answer, err}
	}
	parallel.Do(e.config.Concurrency, next, do, func(call suspension.Call, r reply) {
		e.schedule.Done(call, r.Answer)
		for _, result := range r.Results {
			if result.Outcome == suspension.Suspended {
				e.counts.usersSuspended++
			}
		}
		if r.err != nil {
			e.log.Warn("BatchSuspendUser failed", "accountId", call.AccountID, "users", len(call.Users),
				"errorCode", r.Results[0].Code, "cause", failure.Cause(r.err), "httpStatus", failure.Status(r.err),
				"effect", r.Effect.String(), "chimeRequestId", r.Results[0].RequestID)
		}
	})
}

// addressee is a user of a message who needs a dead letter.
type addressee struct {
	*message
	at int // which of its users
}

// sendLetters sends the dead letters. Without an audit trail there are none: then everything is handed back.
func (e *event) sendLetters(ctx context.Context, until time.Time) {
	if e.audit.err != nil {
		return
	}
	var addressees []addressee
	failedAt := time.Now()
	for _, m := range e.messages {
		addressees = append(addressees, e.addressees(m, failedAt)...)
	}
	if len(addressees) == 0 {
		return
	}

	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	left := len(addressees)
	refusals := make(map[string]int)
	letter := func(i int) queue.Letter { return e.letter(addressees[i], failedAt) }
	e.config.Queue.SendLetters(ctx, left, letter, func(i int, err error) {
		if err != nil {
			refusals[failure.Code(err)]++
			return
		}
		left--
		m := addressees[i].message
		m.lettered[addressees[i].at] = true
		m.open--
		if m.invalid == nil {
			e.counts.usersDeadLettered++
		}
	})
	if left > 0 {
		e.log.Error("dead letters not taken: their messages are handed back", "letters", left, "errorCodes", refusals, "outOfTime", ctx.Err() != nil)
	}
}

// addressees settles who of a message is suspended and returns who needs a letter: nobody where one is worth another try and
// the message has a delivery left, nor where one of its letters is none that a queue takes.
func (e *event) addressees(m *message, failedAt time.Time) []addressee {
	var addressees []addressee
	retry := false
	for i, u := range m.users {
		switch u.Outcome {
		case suspension.Suspended:
			m.open--
			continue
		case suspension.Retry:
			retry = true
		case suspension.DeadLetter:
		}
		addressees = append(addressees, addressee{m, i})
	}
	if retry && m.ReceiveCount < e.config.MaxReceiveCount {
		return nil
	}
	for _, a := range addressees {
		// Only a body that is large, or was not taken for a request, can be too much for a letter.
		if m.invalid != nil || len(m.Body) > queue.LargeBody {
			l := e.letter(a, failedAt)
			if err := l.Refused(); err != nil {
				e.log.Error("dead letter impossible: the message is handed back until the queue moves it", "messageId", m.MessageID, "errorCode", failure.Code(err))
				return nil
			}
		}
	}
	if len(addressees) > 0 {
		m.lettered = make([]bool, len(m.users))
	}
	return addressees
}

// letter makes the dead letter of a user. It takes as much memory as the message's reason, so there are few at a time.
func (e *event) letter(a addressee, failedAt time.Time) queue.Letter {
	u := a.users[a.at]
	body := a.Body
	if a.invalid == nil {
		body = string(a.request.AppendBody(nil, u.ID))
	}
	return queue.Letter{
		Body:         body,
		ErrorCode:    u.Code,
		ErrorMessage: u.Message,
		Source:       a.Record,
		FailedAt:     failedAt,
		RequestID:    e.requestID,
	}
}

// account writes what became of every user.
func (e *event) account() {
	now := time.Now()
	for _, m := range e.messages {
		if m.invalid != nil {
			e.log.Warn("invalid request", "messageId", m.MessageID, "errorCode", "InvalidRequest", "field", logged(m.invalid.Field), "deadLettered", m.open == 0)
			continue
		}
		for i := range m.users {
			e.audit.user(now, m, i)
		}
	}
	e.audit.flush()
	if e.audit.err != nil {
		e.log.Error("audit trail not written: all messages are handed back", "error", e.audit.err.Error())
		for _, m := range e.messages {
			m.open = max(m.open, 1)
		}
	}
}

// delay sets when the messages that are handed back are delivered again.
func (e *event) delay(ctx context.Context, until time.Time) {
	var handedBack []*queue.Record
	for _, m := range e.messages {
		if m.open > 0 {
			handedBack = append(handedBack, m.Record)
		}
	}
	e.counts.messagesReturned = len(handedBack)
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if failed, err := e.config.Queue.Delay(ctx, handedBack); failed > 0 {
		e.log.Warn("visibility not set: messages wait for the queue's visibility timeout", "messages", failed,
			"errorCode", failure.Code(err), "cause", failure.Cause(err))
	}
}

// response returns the partial batch response. Its list is [] and never null where nothing is handed back.
func (e *event) response() []byte {
	response := []byte(`{"batchItemFailures":[`)
	first := true
	for _, m := range e.messages {
		if m.open == 0 {
			continue
		}
		if !first {
			response = append(response, ',')
		}
		first = false
		response = append(response, `{"itemIdentifier":`...)
		response, _ = jsontext.AppendQuote(response, m.MessageID) // U+FFFD stands for invalid UTF-8, as in the event.
		response = append(response, '}')
	}
	return append(response, "]}"...)
}
