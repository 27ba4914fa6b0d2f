package worker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestModel draws events and everything that can happen to them, and compares how they end with what the contract says.
// It takes no wall time that something waits. To look for longer: go test ./internal/worker -run Model -rapid.checks=20000
func TestModel(t *testing.T) {
	for name, scenarios := range map[string]*rapid.Generator[scenario]{
		"any":        anyScenario,
		"ample time": rapid.Map(anyScenario, func(s scenario) scenario { return s.withAmpleTime() }),
		"a Chime that hangs": rapid.Map(anyScenario, func(s scenario) scenario {
			s.Chime = []trouble{{"acme", []string{"hang"}, true}, {"beta", []string{"hang"}, true}}
			s.Letters, s.Visibility = nil, nil
			return s
		}),
		"a large account that refuses": rapid.Custom(func(t *rapid.T) scenario {
			s := anyScenario.Draw(t, "scenario").withAmpleTime()
			s.Concurrency, s.DryRun, s.Allowed = min(s.Concurrency, 3), false, nil
			s.Messages = append(numbered(3, func(i int) drawnMessage {
				return asking([]string{"acme", "acme", "beta"}[i], users(150)[i*50:][:[]int{50, 25, 50}[i]]...)
			}), s.Messages[:min(len(s.Messages), 3)]...)
			answers := []string{"ForbiddenException", "AccessDeniedException", "BadRequestException", "NotFoundException"}
			s.Chime = append([]trouble{{Of: sampled(t, "of", "acme", "acme/u07"), Answers: []string{sampled(t, "answer", answers...)}, Ever: true}}, s.Chime...)
			return s
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				var m model
				s := scenarios.Draw(t, "scenario")
				rapid.SyncTest(t, func(t *rapid.T) { m.history = play(t.Context(), s) })
				if wrong := m.check(); wrong != nil {
					t.Log(strings.Join(wrong, "\n"))
					t.Fatal("this is not what the contract says") // always the same text, or rapid would take it for another failure
				}
			})
		})
	}
}

func (s scenario) withAmpleTime() scenario {
	s.Deadline, s.Latency, s.NoCredentials = 15*time.Minute, time.Millisecond, false
	return s
}

// model says what has to become of a scenario, by the calls that were made and their answers.
type model struct {
	*history
	calls  []*call
	lines  []line
	wrongs []string
}

// call is one of BatchSuspendUser, with all its attempts. The pre-call lines say which ones there were.
type call struct {
	account  string
	users    []string
	attempts []*attempt
}

// key names a letter or an audit line: a user of a message, none for an invalid one.
type key struct{ message, user string }

// line is one of the output.
type line struct {
	Timestamp, Level, RequestID string

	AccountID string
	UserIDs   []string        // those of a call
	AWS       json.RawMessage `json:"_aws"`
	audited
	measured
}

// audited is what the line of a user says, besides the account.
type audited struct {
	UserID, MessageID, CorrelationID, Outcome, ErrorCode, ChimeRequestID string
}

// measured are the metrics.
type measured struct {
	FunctionName string

	MessagesReceived, UsersSuspended, UsersDeadLettered, MessagesReturned, InvalidMessages, ChimeCalls int
}

// verdict is what may become of a user.
type verdict struct {
	outcome string // suspended, retry or dead
	code    string
	text    string // of the letter; empty for any
	id      string // of Chime's answer that was about the user
}

func (m *model) wrongf(format string, args ...any) {
	m.wrongs = append(m.wrongs, fmt.Sprintf(format, args...))
}

// late reports whether the time may have been up for something: a quarter of it at least was spent.
func (m *model) late() bool { return m.end.Sub(m.start) >= m.Deadline/4 }

func (m *model) check() []string {
	if m.err != nil {
		m.wrongf("the invocation fails: %v", m.err)
	}
	if deadline := m.start.Add(m.Deadline); m.end.After(m.start) && !m.end.Before(deadline) {
		m.wrongf("the answer comes %v after the deadline", m.end.Sub(deadline))
	}
	for _, oddity := range m.oddities {
		m.wrongf("there was a request that nobody understands: %s", oddity)
	}
	m.checkOutput()
	m.checkCalls()
	m.checkBrakes()
	m.checkMessages()
	return m.wrongs
}

// checkOutput reads the lines, and the calls that they announce.
func (m *model) checkOutput() {
	written := 0
	var announced []int // where in the output the line of a call ends
	for text := range strings.Lines(m.output.String()) {
		written += len(text)
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil || !strings.HasSuffix(text, "}\n") || l.RequestID != requestID || l.Level == "" || l.Timestamp == "" {
			m.wrongf("%q is not a line with a level, a time and the request ID (%v)", text, err)
		}
		if strings.Contains(text, "PRIVATE") || strings.Contains(text, "TEST") {
			m.wrongf("%q has what must not be logged", text)
		}
		m.lines = append(m.lines, l)
		if l.UserIDs != nil {
			m.calls = append(m.calls, &call{account: l.AccountID, users: l.UserIDs})
			announced = append(announced, written)
		}
	}
	for _, a := range m.attempts {
		i := slices.IndexFunc(m.calls, func(c *call) bool { return c.account == a.account && slices.Equal(c.users, a.users) })
		if i < 0 || announced[i] > a.written {
			m.wrongf("%q of %s are suspended without a line that says so before", a.users, a.account)
			continue
		}
		m.calls[i].attempts = append(m.calls[i].attempts, a)
	}
}

// last returns how the call ended, nil if it was not even begun.
func (c *call) last() *attempt {
	if len(c.attempts) == 0 {
		return nil
	}
	return c.attempts[len(c.attempts)-1]
}

func (a *attempt) meaning() meaning {
	if !a.read {
		return fails
	}
	return chimeAnswers[a.answer].meaning // Nothing wrong: the zero meaning.
}

// ended reports whether the call ended so.
func (c *call) ended(how meaning) bool { return c.last() != nil && c.last().meaning() == how }

// checkCalls looks at who is called, and how often.
func (m *model) checkCalls() {
	asked := make(map[string][]string) // by account
	for _, message := range m.messages() {
		for _, user := range message.Users {
			if !slices.Contains(asked[message.Account], user) && m.mayCall(message.Account, user) {
				asked[message.Account] = append(asked[message.Account], user)
			}
		}
	}
	tops := make(map[string]int) // calls that are no part of a refused one
	called := make(map[string]int)
	for i, c := range m.calls {
		if len(c.users) < 1 || len(c.users) > 50 || len(slices.Compact(slices.Sorted(slices.Values(c.users)))) != len(c.users) {
			m.wrongf("a call has the users %q", c.users)
		}
		for _, user := range c.users {
			if !slices.Contains(asked[c.account], user) {
				m.wrongf("%q of %s is in a call", user, c.account)
			}
		}
		var whole *call // the smallest call before that has any of the users
		for _, before := range m.calls[:i] {
			if before.account == c.account && slices.ContainsFunc(c.users, func(user string) bool { return slices.Contains(before.users, user) }) {
				whole = before
			}
		}
		switch {
		case whole == nil:
			tops[c.account]++
			called[c.account] += len(c.users)
		case !whole.ended(splits) || c.last() != nil && c.attempts[0].arrived < whole.last().answered:
			m.wrongf("%q of %s are called again", c.users, c.account)
		case len(c.users) != len(whole.users)/2 && len(c.users) != (len(whole.users)+1)/2:
			m.wrongf("%d of %d users of a refused call are called at once", len(c.users), len(whole.users))
		}
		if n := len(c.attempts); n > 3 || n == 0 && !m.NoCredentials || n > 0 && n < 3 && c.ended(fails) && !m.late() {
			m.wrongf("a call has %d attempts", n)
		}
		for j, a := range c.attempts {
			if j < len(c.attempts)-1 && a.meaning() != fails {
				m.wrongf("%q is followed by another attempt", a.answer)
			}
		}
	}
	for account, n := range called {
		if most := (len(asked[account]) + 49) / 50; tops[account] > most || n == len(asked[account]) && tops[account] != most {
			m.wrongf("there are %d calls for %d users of %s", tops[account], n, account)
		}
	}
	if m.NoCredentials && len(m.calls) > m.Concurrency {
		m.wrongf("%d calls are tried without credentials", len(m.calls))
	}
	if m.mostCalls > m.Concurrency {
		m.wrongf("%d calls are under way at once", m.mostCalls)
	}
	m.checkTurns(asked)
}

// checkTurns looks that no account has its second call before another has its first.
func (m *model) checkTurns(asked map[string][]string) {
	turn := make(map[string]int)
	for _, c := range m.calls {
		if turn[c.account]++; turn[c.account] != 2 {
			continue
		}
		for account := range asked {
			if turn[account] == 0 && len(m.stops(account)) == 0 {
				m.wrongf("%s has its second call before %s has its first", c.account, account)
			}
		}
	}
}

// mayCall reports whether Chime may be called for the user.
func (m *model) mayCall(account, user string) bool {
	return !m.DryRun && (m.Allowed == nil || slices.Contains(m.Allowed, account)) && !m.protects(user)
}

func (m *model) protects(user string) bool {
	return slices.ContainsFunc(m.Protected, func(id string) bool { return strings.EqualFold(id, user) })
}

// stop is what ends the calls of an account.
type stop struct {
	verdict
	since int // the moment of the answer
}

// stops returns what may have ended the calls of an account.
func (m *model) stops(account string) []stop {
	var stops []stop
	for _, c := range m.calls {
		switch {
		case c.last() == nil:
			if m.NoCredentials {
				stops = append(stops, stop{verdict{outcome: "retry", code: "RequestFailed"}, 1 << 30})
			}
		case c.ended(stopsEvent), c.ended(stopsAccount) && c.account == account:
			stops = append(stops, stop{m.refusal(c.last(), "retry"), c.last().answered})
		case c.account == account && len(c.users) == 50 && c.ended(splits):
			refused, last := 0, c.last()
			for _, part := range m.calls {
				if len(part.users) == 1 && slices.Contains(c.users, part.users[0]) && part.account == account && part.ended(splits) {
					refused++
					if part.last().answered > last.answered {
						last = part.last()
					}
				}
			}
			if refused == len(c.users) {
				stops = append(stops, stop{m.refusal(last, "dead"), last.answered})
			}
		}
	}
	return stops
}

// checkBrakes looks that no call begins after an answer that ends them.
func (m *model) checkBrakes() {
	for _, c := range m.calls {
		for _, stop := range m.stops(c.account) {
			if c.last() != nil && c.attempts[0].arrived > stop.since {
				m.wrongf("a call of %s comes after %s", c.account, stop.code)
			}
		}
	}
}

// refusal is the outcome with the reason that an attempt gives which failed as a whole.
func (m *model) refusal(a *attempt, outcome string) verdict {
	if name, named := strings.CutSuffix(a.answer, "Exception"); named && a.read {
		return verdict{outcome: outcome, code: name, text: m.Text}
	}
	return verdict{outcome: outcome, code: "RequestFailed"}
}

// verdicts returns what may become of a user who is asked for.
func (m *model) verdicts(account, user string) []verdict {
	switch {
	case m.Allowed != nil && !slices.Contains(m.Allowed, account):
		return []verdict{{outcome: "dead", code: "AccountNotAllowed"}}
	case m.protects(user):
		return []verdict{{outcome: "dead", code: "ProtectedUser"}}
	case m.DryRun:
		return []verdict{{outcome: "dead", code: "DryRun"}}
	}
	var last *call
	for _, c := range m.calls {
		if c.account == account && slices.Contains(c.users, user) {
			last = c
		}
	}
	outOfTime := verdict{outcome: "retry", code: "DeadlineExceeded"}
	if last == nil || last.last() == nil || last.ended(splits) && len(last.users) > 1 {
		var possible []verdict
		for _, stop := range m.stops(account) {
			possible = append(possible, stop.verdict)
		}
		if m.late() {
			possible = append(possible, outOfTime)
		}
		return possible
	}
	a := last.last()
	v := m.refusal(a, "retry")
	v.id = a.id
	switch a.meaning() {
	case suspends:
		return []verdict{a.userVerdict(user)}
	case splits:
		v.outcome = "dead"
	case fails:
		if m.late() {
			return []verdict{v, outOfTime}
		}
	case refuses, stopsAccount, stopsEvent:
	}
	return []verdict{v}
}

// userVerdict is what an answer says about a user that is not about the call as a whole.
func (a *attempt) userVerdict(user string) verdict {
	v := verdict{outcome: "suspended", id: a.id}
	for _, e := range a.userErrors {
		known := e.UserID != nil && slices.Contains(a.users, *e.UserID)
		switch {
		case !known && v.outcome == "suspended":
			v = verdict{outcome: "retry", code: "Unattributed", id: a.id}
		case known && *e.UserID == user:
			found := verdict{outcome: "dead", code: e.ErrorCode, text: e.ErrorMessage, id: a.id}
			if found.code == "" || strings.Contains(found.code, " ") { // No name of an error.
				found.code = "Unknown"
			}
			if slices.Contains([]string{"Throttled", "Throttling", "ServiceUnavailable", "ServiceFailure", "Conflict"}, found.code) {
				found.outcome = "retry"
			}
			if v.outcome == "suspended" || v.code == "Unattributed" || v.outcome == "dead" && found.outcome == "retry" {
				v = found
			}
		}
	}
	return v
}

// messages are those of the event, each once, with the record of its last delivery.
func (m *model) messages() []drawnMessage {
	var messages []drawnMessage
	at := make(map[string]int)
	for _, record := range m.Messages {
		i, known := at[record.ID]
		switch {
		case !known:
			at[record.ID] = len(messages)
			messages = append(messages, record)
		case record.Count > messages[i].Count:
			messages[i] = record
		}
	}
	return messages
}

// checkMessages looks at what became of each message and its users: letters, audit lines, answer, visibility, metrics.
func (m *model) checkMessages() {
	audit := make(map[key][]line)
	var metrics []measured
	for _, l := range m.lines {
		if l.Outcome != "" {
			audit[key{l.MessageID, l.UserID}] = append(audit[key{l.MessageID, l.UserID}], l)
		}
		if l.AWS != nil {
			metrics = append(metrics, l.measured)
		}
	}
	taken, sent := m.readLetters()
	handedBack := []string{}
	var returned []drawnMessage
	suspended := make(map[key]bool) // by account and user
	var deadLettered, invalid int

	for _, message := range m.messages() {
		needed := make(map[string]verdict) // letters, by user
		retry := false
		verdicts := make(map[string]verdict)
		if message.Invalid {
			invalid++
			needed[""] = verdict{code: "InvalidRequest"}
		}
		for _, user := range message.Users {
			lines := audit[key{message.ID, user}]
			delete(audit, key{message.ID, user})
			if len(lines) != 1 {
				m.wrongf("there are %d audit lines for %q of %s", len(lines), user, message.ID)
				return
			}
			possible := m.verdicts(message.Account, user)
			i := slices.IndexFunc(possible, func(v verdict) bool { return v.code == lines[0].ErrorCode })
			if i < 0 {
				m.wrongf("the audit line of %q of %s says %s %s, want one of %+v", user, message.ID, lines[0].Outcome, lines[0].ErrorCode, possible)
				return
			}
			v := possible[i]
			verdicts[user] = v
			switch {
			case v.outcome == "suspended":
				suspended[key{message.Account, user}] = true
			case v.outcome == "retry" && message.Count < m.MaxReceiveCount:
				retry = true
				fallthrough
			default:
				needed[user] = v
			}
			want := audited{user, message.ID, message.Correlation[:min(len(message.Correlation), 1024)], "suspended", v.code, v.id}
			switch {
			case v.outcome == "suspended":
			case taken[key{message.ID, user}]:
				want.Outcome = "deadLettered"
			default:
				want.Outcome = "returned"
			}
			got := lines[0].audited
			if v.code == "RequestFailed" || v.code == "DeadlineExceeded" {
				want.ChimeRequestID = got.ChimeRequestID // There may be none.
			}
			if got != want || lines[0].AccountID != message.Account {
				m.wrongf("the audit line of %q of %s says %+v of %s, want %+v", user, message.ID, got, lines[0].AccountID, want)
			}
		}

		back := retry
		for user, v := range needed {
			k := key{message.ID, user}
			if taken[k] && !message.Invalid {
				deadLettered++
			}
			back = back || !taken[k]
			for _, letter := range sent[k] {
				m.checkLetter(message, user, v, letter)
			}
			switch {
			case retry && len(sent[k]) > 0:
				m.wrongf("%s is handed back and has a letter for %q", message.ID, user)
			case !retry && len(sent[k]) == 0 && m.sendable(message) && !m.late():
				m.wrongf("there is no letter for %q of %s", user, message.ID)
			case !retry && !taken[k] && m.sendable(message) && m.Letters == nil && m.QueueLatency == 0 && m.Deadline >= time.Second:
				m.wrongf("the letter for %q of %s is not sent to a queue that takes it at once", user, message.ID)
			}
			delete(sent, k)
		}
		if back {
			handedBack = append(handedBack, message.ID)
			returned = append(returned, message)
		}
	}
	for k := range sent {
		m.wrongf("there is a letter for %q of %s, who needs none", k.user, k.message)
	}
	for k := range audit {
		m.wrongf("there is an audit line for %q of %s", k.user, k.message)
	}

	var response struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal(m.response, &response); err != nil || response.BatchItemFailures == nil {
		m.wrongf("the answer is %s", m.response)
	}
	got := []string{}
	for _, failure := range response.BatchItemFailures {
		got = append(got, failure.ItemIdentifier)
	}
	if !slices.Equal(got, handedBack) {
		m.wrongf("%q are handed back, want %q", got, handedBack)
	}
	m.checkVisibility(returned)

	want := measured{
		"suspend-users", len(m.messages()), len(suspended), deadLettered, len(handedBack), invalid, len(m.calls),
	}
	if len(metrics) != 1 || metrics[0] != want {
		m.wrongf("the metrics are %+v, want %+v", metrics, want)
	}
}

// readLetters returns which letters the queue took, as far as its answers could be read, and all that were sent to it.
func (m *model) readLetters() (taken map[key]bool, sent map[key][]*entry) {
	taken, sent = make(map[key]bool), make(map[key][]*entry)
	valid := make(map[string]bool)
	for _, message := range m.Messages {
		valid[message.ID] = !message.Invalid
	}
	for _, b := range m.letters {
		size := 0
		m.checkBatch(b, deadLettersURL)
		for _, e := range b.Entries {
			k := key{message: e.MessageAttributes["SourceMessageId"].StringValue}
			if valid[k.message] {
				var body struct{ UserID string }
				_ = json.Unmarshal([]byte(e.MessageBody), &body) // checkLetter looks at it.
				k.user = body.UserID
			}
			if taken[k] {
				m.wrongf("the letter for %q of %s is sent again", k.user, k.message)
			}
			taken[k] = taken[k] || e.taken && b.read && b.answer == ""
			sent[k] = append(sent[k], e)

			size += len(e.MessageBody)
			for name, attribute := range e.MessageAttributes {
				size += len(name) + len(attribute.DataType) + len(attribute.StringValue)
			}
			if e.MessageBody == "" || strings.ContainsFunc(e.MessageBody, refused) {
				m.wrongf("the queue is sent the body %q", e.MessageBody)
			}
		}
		if size > 1<<20 {
			m.wrongf("the queue is sent %d bytes at once", size)
		}
	}
	return taken, sent
}

// checkBatch looks at what all calls of the queue have in common.
func (m *model) checkBatch(b *batch, url string) {
	ids := make(map[string]bool)
	for _, e := range b.Entries {
		ids[e.ID] = true
	}
	if b.QueueURL != url || len(b.Entries) < 1 || len(b.Entries) > 10 || len(ids) != len(b.Entries) {
		m.wrongf("%s is sent %d entries with %d IDs, want 1 to 10 for %s", b.QueueURL, len(b.Entries), len(ids), url)
	}
}

// sendable reports whether a queue certainly takes the letters of a message.
func (m *model) sendable(message drawnMessage) bool {
	const mostOfAttributes = 2000 // bytes
	if !message.Invalid {
		return len(message.Body) < 1<<20-mostOfAttributes
	}
	return message.Body != "" && len(message.Body) < 1<<20-mostOfAttributes && !strings.ContainsFunc(message.Body, refused)
}

// checkLetter compares a letter with what it has to be.
func (m *model) checkLetter(message drawnMessage, user string, v verdict, letter *entry) {
	if message.Invalid {
		if letter.MessageBody != message.Body {
			m.wrongf("the letter of %s has the body %s", message.ID, shortened(letter.MessageBody))
		}
	} else {
		want := map[string]string{"accountId": message.Account, "userId": user, "correlationId": message.Correlation, "requestedBy": message.RequestedBy, "reason": message.Reason}
		for name, value := range want {
			if value == "" {
				delete(want, name)
			}
		}
		var got map[string]string
		if err := json.Unmarshal([]byte(letter.MessageBody), &got); err != nil || !cmp.Equal(got, want) {
			m.wrongf("the letter for %q of %s has the body %s (%v)", user, message.ID, shortened(letter.MessageBody), err)
		}
	}

	want := map[string]string{
		"ErrorCode": v.code, "ErrorMessage": cleaned(v.text), "SourceMessageId": message.ID, "SourceQueueArn": sourceARN,
		"ReceiveCount": fmt.Sprint(message.Count), "RequestId": requestID, "FailedAt": "",
	}
	got := make(map[string]string)
	for name, attribute := range letter.MessageAttributes {
		got[name] = attribute.StringValue
		if (attribute.DataType == "Number") != (name == "ReceiveCount") || attribute.StringValue == "" || cleaned(attribute.StringValue) != attribute.StringValue {
			m.wrongf("a letter has the attribute %s: %q", name, attribute)
		}
	}
	if want["ErrorMessage"] == "" {
		want["ErrorMessage"] = got["ErrorMessage"]
	}
	at, err := time.Parse(time.RFC3339, got["FailedAt"])
	if err != nil || !strings.HasSuffix(got["FailedAt"], "Z") || at.Before(m.start.Truncate(time.Second)) || at.After(m.end) {
		m.wrongf("a letter has failed at %q (%v)", got["FailedAt"], err)
	}
	want["FailedAt"] = got["FailedAt"]
	if diff := cmp.Diff(want, got); diff != "" {
		m.wrongf("attributes of the letter for %q of %s (-want +got):\n%s", user, message.ID, diff)
	}
}

// refused reports whether SQS does not take a character.
func refused(r rune) bool {
	return r < ' ' && !strings.ContainsRune("\t\n\r", r) || 0xD800 <= r && r < 0xE000 || r == 0xFFFE || r == 0xFFFF
}

// cleaned is a text as an attribute has it.
func cleaned(text string) string {
	text = strings.Map(func(r rune) rune {
		if refused(r) {
			return '\uFFFD'
		}
		return r
	}, text)
	for len(text) > 1024 {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// checkVisibility looks at when what is handed back is delivered again.
func (m *model) checkVisibility(returned []drawnMessage) {
	counts, asked, set := make(map[string]int), make(map[string]bool), make(map[string]bool) // by receipt
	for _, message := range returned {
		counts[message.Receipt] = message.Count
	}
	for _, b := range m.visibility {
		m.checkBatch(b, sourceURL)
		for _, e := range b.Entries {
			count := counts[e.ReceiptHandle]
			if count == 0 || set[e.ReceiptHandle] {
				m.wrongf("the visibility of %s is set once too often", e.ReceiptHandle)
				continue
			}
			longest := []int{15, 60, 240, 900}[min(count, 4)-1]
			if e.VisibilityTimeout > longest || 2*e.VisibilityTimeout < longest {
				m.wrongf("a message waits for %d s after delivery %d", e.VisibilityTimeout, count)
			}
			asked[e.ReceiptHandle] = true
			set[e.ReceiptHandle] = b.read && b.answer == ""
		}
	}
	for _, message := range returned {
		if !asked[message.Receipt] && (!m.late() || m.Visibility == nil && m.QueueLatency == 0 && m.Deadline >= time.Second) {
			m.wrongf("the visibility of %s is not set", message.ID)
		}
	}
}
