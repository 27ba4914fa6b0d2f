package worker

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/chime/types"

	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/queue"
)

const ample = time.Minute

func TestOutcomes(t *testing.T) {
	for name, test := range map[string]struct {
		config   Config
		faults   []chimeserver.User
		messages []msg

		wantHandedBack []string
		wantLetters    []string // MESSAGE CODE USER
		wantSuspended  []string // of acme
		wantOutcomes   []string // MESSAGE USER OUTCOME CODE
		wantMetrics    map[string]int
	}{
		"nothing to do": {
			wantMetrics: map[string]int{},
		},
		"users of one account are suspended in one call": {
			messages:      []msg{{body: ask("acme", "ada")}, {body: ask("acme", "ben", "cleo")}},
			wantSuspended: []string{"ada", "ben", "cleo"},
			wantOutcomes:  []string{"m1 ada suspended", "m2 ben suspended", "m2 cleo suspended"},
			wantMetrics:   map[string]int{"MessagesReceived": 2, "UsersSuspended": 3, "ChimeCalls": 1},
		},
		"a user whom two messages ask for is suspended once and accounted for twice": {
			messages:      []msg{{body: ask("acme", "ada")}, {body: ask("acme", "ada", "ada")}},
			wantSuspended: []string{"ada"},
			wantOutcomes:  []string{"m1 ada suspended", "m2 ada suspended"},
			wantMetrics:   map[string]int{"MessagesReceived": 2, "UsersSuspended": 1, "ChimeCalls": 1},
		},
		"a user who cannot be suspended gets a dead letter, the message is acknowledged": {
			messages:      []msg{{body: ask("acme", "ada", "nobody")}},
			wantSuspended: []string{"ada"},
			wantLetters:   []string{"m1 NotFound nobody"},
			wantOutcomes:  []string{"m1 ada suspended", "m1 nobody deadLettered NotFound"},
			wantMetrics:   map[string]int{"MessagesReceived": 1, "UsersSuspended": 1, "UsersDeadLettered": 1, "ChimeCalls": 1},
		},
		"a user worth another try hands the message back, and no letter is sent for the others": {
			faults:         []chimeserver.User{fault("busy", types.ErrorCodeThrottled, 0)},
			messages:       []msg{{body: ask("acme", "ada", "busy", "nobody")}, {body: ask("acme", "ben")}},
			wantHandedBack: []string{"m1"},
			wantSuspended:  []string{"ada", "ben"},
			wantOutcomes:   []string{"m1 ada suspended", "m1 busy returned Throttled", "m1 nobody returned NotFound", "m2 ben suspended"},
			wantMetrics:    map[string]int{"MessagesReceived": 2, "UsersSuspended": 2, "MessagesReturned": 1, "ChimeCalls": 1},
		},
		"on the last delivery a retry becomes a dead letter": {
			faults:        []chimeserver.User{fault("busy", types.ErrorCodeThrottled, 0)},
			messages:      []msg{{body: ask("acme", "ada", "busy"), count: 5}},
			wantSuspended: []string{"ada"},
			wantLetters:   []string{"m1 Throttled busy"},
			wantOutcomes:  []string{"m1 ada suspended", "m1 busy deadLettered Throttled"},
			wantMetrics:   map[string]int{"MessagesReceived": 1, "UsersSuspended": 1, "UsersDeadLettered": 1, "ChimeCalls": 1},
		},
		"a delivery after the last is one too": {
			config:       Config{MaxReceiveCount: 3},
			faults:       []chimeserver.User{fault("busy", types.ErrorCodeThrottled, 0)},
			messages:     []msg{{body: ask("acme", "busy"), count: 4}},
			wantLetters:  []string{"m1 Throttled busy"},
			wantOutcomes: []string{"m1 busy deadLettered Throttled"},
			wantMetrics:  map[string]int{"MessagesReceived": 1, "UsersDeadLettered": 1, "ChimeCalls": 1},
		},
		"a code that is no name is none": {
			faults:       []chimeserver.User{fault("odd", "Jane Doe has no licence", 0)},
			messages:     []msg{{body: ask("acme", "odd")}},
			wantLetters:  []string{"m1 Unknown odd"},
			wantOutcomes: []string{"m1 odd deadLettered Unknown"},
			wantMetrics:  map[string]int{"MessagesReceived": 1, "UsersDeadLettered": 1, "ChimeCalls": 1},
		},
		"the delivery before the last is not the last": {
			faults:         []chimeserver.User{fault("busy", types.ErrorCodeThrottled, 0)},
			messages:       []msg{{body: ask("acme", "busy"), count: 4}},
			wantHandedBack: []string{"m1"},
			wantOutcomes:   []string{"m1 busy returned Throttled"},
			wantMetrics:    map[string]int{"MessagesReceived": 1, "MessagesReturned": 1, "ChimeCalls": 1},
		},
		"an invalid message gets a dead letter and no call": {
			messages:    []msg{{body: `{"accountId": "acme", "userId": "ada", "effectiveAt": null}`}},
			wantLetters: []string{"m1 InvalidRequest ada"},
			wantMetrics: map[string]int{"MessagesReceived": 1, "InvalidMessages": 1},
		},
		"an account that is not allowed is not touched": {
			config:        Config{AllowedAccounts: []string{"acme"}},
			messages:      []msg{{body: ask("team", "tom", "tess")}, {body: ask("acme", "ada")}},
			wantSuspended: []string{"ada"},
			wantLetters:   []string{"m1 AccountNotAllowed tess", "m1 AccountNotAllowed tom"},
			wantOutcomes:  []string{"m1 tom deadLettered AccountNotAllowed", "m1 tess deadLettered AccountNotAllowed", "m2 ada suspended"},
			wantMetrics:   map[string]int{"MessagesReceived": 2, "UsersSuspended": 1, "UsersDeadLettered": 2, "ChimeCalls": 1},
		},
		"a protected user is not suspended, in whatever case the ID is written": {
			config:        Config{ProtectedUsers: []string{"CLEO", "ben", "zoë", "ΣΊΣΥΦΟΣ"}},
			messages:      []msg{{body: ask("acme", "ada", "Ben", "cleo", "ZOË", "σίσυφος")}},
			wantSuspended: []string{"ada"},
			wantLetters:   []string{"m1 ProtectedUser Ben", "m1 ProtectedUser ZOË", "m1 ProtectedUser cleo", "m1 ProtectedUser σίσυφος"},
			wantOutcomes: []string{
				"m1 ada suspended", "m1 Ben deadLettered ProtectedUser", "m1 cleo deadLettered ProtectedUser",
				"m1 ZOË deadLettered ProtectedUser", "m1 σίσυφος deadLettered ProtectedUser",
			},
			wantMetrics: map[string]int{"MessagesReceived": 1, "UsersSuspended": 1, "UsersDeadLettered": 4, "ChimeCalls": 1},
		},
		"a dry run calls nobody and says who would have been suspended": {
			config:       Config{DryRun: true, ProtectedUsers: []string{"cleo"}},
			messages:     []msg{{body: ask("acme", "ada", "cleo")}, {body: "no request"}},
			wantLetters:  []string{"m1 DryRun ada", "m1 ProtectedUser cleo", "m2 InvalidRequest"},
			wantOutcomes: []string{"m1 ada deadLettered DryRun", "m1 cleo deadLettered ProtectedUser"},
			wantMetrics:  map[string]int{"MessagesReceived": 2, "UsersDeadLettered": 2, "InvalidMessages": 1},
		},
		"a user who makes Chime refuse the call stands alone in the end": {
			faults:        []chimeserver.User{{UserID: "bad", Fault: &chimeserver.Fault{RefuseWith: "BadRequestException"}}},
			messages:      []msg{{body: ask("acme", "ada", "bad")}, {body: ask("acme", "ben")}},
			wantSuspended: []string{"ada", "ben"},
			wantLetters:   []string{"m1 BadRequest bad"},
			wantOutcomes:  []string{"m1 ada suspended", "m1 bad deadLettered BadRequest", "m2 ben suspended"},
			wantMetrics:   map[string]int{"MessagesReceived": 2, "UsersSuspended": 2, "UsersDeadLettered": 1, "ChimeCalls": 5},
		},
		"two records with one ID are one message, with the higher receive count": {
			faults:        []chimeserver.User{fault("busy", types.ErrorCodeThrottled, 0)},
			messages:      []msg{{id: "same", body: ask("acme", "busy")}, {id: "same", body: ask("acme", "busy"), count: 5}, {body: ask("acme", "ada")}},
			wantSuspended: []string{"ada"},
			wantLetters:   []string{"same Throttled busy"},
			wantOutcomes:  []string{"same busy deadLettered Throttled", "m3 ada suspended"},
			wantMetrics:   map[string]int{"MessagesReceived": 2, "UsersSuspended": 1, "UsersDeadLettered": 1, "ChimeCalls": 1},
		},
		"what is handed back is named once, in the event's order": {
			faults:         []chimeserver.User{fault("busy", types.ErrorCodeConflict, 0)},
			messages:       []msg{{body: ask("acme", "busy")}, {body: ask("team", "tom")}, {body: ask("acme", "busy", "ada")}, {id: "m1", body: ask("acme", "busy")}},
			wantHandedBack: []string{"m1", "m3"},
			wantSuspended:  []string{"ada"},
			wantOutcomes:   []string{"m1 busy returned Conflict", "m2 tom suspended", "m3 busy returned Conflict", "m3 ada suspended"},
			wantMetrics:    map[string]int{"MessagesReceived": 3, "UsersSuspended": 2, "MessagesReturned": 2, "ChimeCalls": 2},
		},
		"a body that a queue would not take again is handed back": {
			messages:       []msg{{body: strings.Repeat("x", 1<<20)}, {body: "a\x00b"}, {body: ""}, {body: ask("acme", "ada")}},
			wantHandedBack: []string{"m1", "m2", "m3"},
			wantSuspended:  []string{"ada"},
			wantOutcomes:   []string{"m4 ada suspended"},
			wantMetrics:    map[string]int{"MessagesReceived": 4, "UsersSuspended": 1, "MessagesReturned": 3, "InvalidMessages": 3, "ChimeCalls": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, test.config, test.faults...)
			handedBack := w.invoke(ample, test.messages...)
			check(t, "handed back", handedBack, append([]string{}, test.wantHandedBack...))
			check(t, "dead letters", w.codes(), append([]string{}, test.wantLetters...))
			check(t, "suspended", w.suspended("acme"), test.wantSuspended)
			check(t, "outcomes", w.outcomes(), test.wantOutcomes)
			want := map[string]int{"MessagesReceived": 0, "UsersSuspended": 0, "UsersDeadLettered": 0, "MessagesReturned": 0, "InvalidMessages": 0, "ChimeCalls": 0}
			maps.Copy(want, test.wantMetrics)
			check(t, "metrics", w.metrics(), want)
		})
	}
}

func TestUsersOfAllMessagesAreCounted(t *testing.T) {
	e := &event{Worker: New(Config{})}
	e.read([]queue.Record{{MessageID: "m1", Body: ask("acme", "ada", "ben")}, {MessageID: "m2", Body: ask("acme", "ada")}, {MessageID: "m3"}})
	check(t, "users, one for the message that is invalid", e.users, 4)
}

func TestBrakes(t *testing.T) {
	t.Run("a forbidden account is called once, the others go on", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		err := w.dir.AddAccount(chimeserver.Account{AccountID: "closed", AccountType: types.AccountTypeTeam, Fault: &chimeserver.Fault{RefuseWith: "ForbiddenException"}})
		if err != nil {
			t.Fatal(err)
		}
		handedBack := w.invoke(ample, msg{body: ask("closed", users(50)...)}, msg{body: ask("closed", "late")}, msg{body: ask("acme", "ada")})
		check(t, "handed back", handedBack, []string{"m1", "m2"})
		check(t, "calls", w.chime.Calls(), map[string]int{"closed": 1, "acme": 1})
		check(t, "lines of the user who was not called", len(w.lines(map[string]any{"userId": "late", "outcome": "returned", "errorCode": "Forbidden"})), 1)
		if line := w.lines(map[string]any{"userId": "late"})[0]; line["chimeRequestId"] != nil {
			t.Error("there is a request ID of Chime for a user no answer was about")
		}
	})
	t.Run("access denied ends the calls of the event", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		err := w.dir.AddAccount(chimeserver.Account{AccountID: "aaa", AccountType: types.AccountTypeTeam, Fault: &chimeserver.Fault{RefuseWith: "AccessDeniedException", HTTPStatus: http.StatusForbidden}})
		if err != nil {
			t.Fatal(err)
		}
		handedBack := w.invoke(ample, msg{body: ask("aaa", "x")}, msg{body: ask("acme", "ada")}, msg{body: ask("acme", "ben"), count: 5})
		check(t, "handed back", handedBack, []string{"m1", "m2"})
		check(t, "calls", w.chime.Calls(), map[string]int{"aaa": 1})
		check(t, "dead letters", w.codes(), []string{"m3 AccessDenied ben"})

		w.output.Reset()
		check(t, "handed back by the next event, which starts anew", w.invoke(ample, msg{body: ask("acme", "ada")}), []string{})
	})
	t.Run("an account that refuses a full batch is not called for the others", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		handedBack := w.invoke(ample, msg{body: ask("unknown", users(50)...)}, msg{body: ask("unknown", "x", "y")})
		check(t, "handed back", handedBack, []string{})
		check(t, "calls", w.chime.Calls(), map[string]int{"unknown": 99})
		check(t, "number of dead letters", len(w.receiveLetters()), 52)
	})
}

func users(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("u%02d", i+1)
	}
	return ids
}

func TestLetter(t *testing.T) {
	w := newWorld(t, Config{})
	const body = `{"accountId": " acme ", "userIds": ["nobody"], "reason": "Last day \u0007\ufffe", "requestedBy": "hr", "correlationId": "c-1"}`
	const invalid = "{\"accountId\": \"acme\", \"userId\": \"ada\", \"userid\": \"ben\"}\n"
	before := time.Now().UTC().Truncate(time.Second)
	check(t, "handed back", w.invoke(ample, msg{body: body, count: 3}, msg{body: invalid}, msg{body: ask("acme", "nobody")}), []string{})

	letters := w.receiveLetters()
	for _, l := range letters {
		at, err := time.Parse(time.RFC3339, l.Attributes["FailedAt"])
		if err != nil || at.Before(before) || at.Location() != time.UTC || time.Since(at) > time.Minute {
			t.Errorf("FailedAt is %q (%v)", l.Attributes["FailedAt"], err)
		}
		delete(l.Attributes, "FailedAt")
	}
	attributes := func(code, message, id, count string) map[string]string {
		return map[string]string{
			"ErrorCode": code, "ErrorMessage": message, "SourceMessageId": id, "ReceiveCount": count,
			"SourceQueueArn": "arn:aws:sqs:us-east-1:123456789012:requests", "RequestId": requestID,
		}
	}
	notFound := letters[0].Attributes["ErrorMessage"]
	check(t, "letters", letters, []letter{
		{`{"accountId":"acme","userId":"nobody","correlationId":"c-1","requestedBy":"hr","reason":"Last day \u0007\ufffe"}`, attributes("NotFound", notFound, "m1", "3")},
		{invalid, attributes("InvalidRequest", `"userid" is not a field of a request: leave it out; there are accountId, userId, userIds, correlationId, requestedBy and reason`, "m2", "1")},
		{`{"accountId":"acme","userId":"nobody","correlationId":"m3"}`, attributes("NotFound", notFound, "m3", "1")},
	})
}

func TestLettersOfLargeMessages(t *testing.T) {
	// Somewhere on the way up there is room for the letter of the user with the short ID, but not of the other one.
	long := strings.Repeat("x", 128)
	w := newWorld(t, Config{})
	seen := map[int]int{}
	for size := 1<<20 - 800; size < 1<<20-200; size += 60 {
		body := fmt.Sprintf(`{"accountId": "acme", "userIds": ["no", %q], "reason": %q}`, long, strings.Repeat("r", size))
		handedBack, letters := len(w.invoke(ample, msg{body: body, count: 5})), len(w.receiveLetters())
		if letters != 2*(1-handedBack) {
			t.Errorf("with a reason of %d bytes there are %d letters and %d messages handed back", size, letters, handedBack)
		}
		seen[letters]++
	}
	if seen[0] == 0 || seen[2] == 0 {
		t.Errorf("the sizes do not lie around the limit: %v", seen)
	}
}

func TestLongCorrelationID(t *testing.T) {
	w := newWorld(t, Config{})
	id := strings.Repeat("c", 10_000)
	w.invoke(ample, msg{body: fmt.Sprintf(`{"accountId": "acme", "userIds": ["ada", "nobody"], "correlationId": %q}`, id)})
	for _, line := range w.lines(map[string]any{"outcome": nil}) {
		check(t, "correlationId of a line", line["correlationId"], any(id[:1024]))
	}
	check(t, "a letter has it whole", strings.Contains(w.receiveLetters()[0].Body, id), true)
}

func TestLettersThatAreNotTaken(t *testing.T) {
	for name, answer := range map[string]string{
		"a result that says so":           `{"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": false}], "Successful": []}`,
		"no result":                       `{}`,
		"a result without an ID":          `{"Successful": [{"MessageId": "x", "MD5OfMessageBody": "y"}]}`,
		"a result with another MD5":       `{"Successful": [{"Id": "0", "MessageId": "x", "MD5OfMessageBody": "00000000000000000000000000000000"}]}`,
		"a result in both lists":          `{"Successful": [{"Id": "0", "MessageId": "x"}], "Failed": [{"Id": "0", "Code": "InternalError"}]}`,
		"the result of an entry not sent": `{"Successful": [{"Id": "7", "MessageId": "x"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Config{})
			w.beforeQueue = answerTo("AmazonSQS.SendMessageBatch", answer)
			check(t, "handed back", w.invoke(ample, msg{body: ask("acme", "nobody"), count: 5}, msg{body: ask("acme", "ada")}), []string{"m1"})
			check(t, "outcomes", w.outcomes(), []string{"m1 nobody returned NotFound", "m2 ada suspended"})
			check(t, "UsersDeadLettered", w.metrics()["UsersDeadLettered"], 0)
		})
	}
}

// answerTo answers an action of SQS with status 200 and a body.
func answerTo(action, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("X-Amz-Target") != action {
			return false
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, err := w.Write([]byte(body))
		return err == nil
	}
}

func TestDeadline(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) bool {
		_, err := io.Copy(io.Discard, r.Body) // Only then does the server notice that the client gives up.
		<-r.Context().Done()
		return err == nil
	}
	const short = 2 * time.Second

	t.Run("a Chime that hangs leaves the time for letters and the answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		w.beforeChime = hang
		check(t, "handed back", w.invoke(short, msg{body: ask("acme", "ada")}, msg{body: ask("acme", "ben"), count: 5}, msg{body: ask("team", "tom")}), []string{"m1", "m3"})
		check(t, "dead letters", w.codes(), []string{"m2 DeadlineExceeded ben"})
		check(t, "outcomes", w.outcomes(), []string{"m1 ada returned DeadlineExceeded", "m2 ben deadLettered DeadlineExceeded", "m3 tom returned DeadlineExceeded"})
		check(t, "calls: none is started once the time is up", w.metrics()["ChimeCalls"], 1)
	})
	t.Run("a queue that hangs makes no answer late", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		w.beforeQueue = hang
		check(t, "handed back", w.invoke(short, msg{body: ask("acme", "ada")}, msg{body: ask("acme", "nobody")}, msg{body: "invalid"}), []string{"m2", "m3"})
		check(t, "outcomes", w.outcomes(), []string{"m1 ada suspended", "m2 nobody returned NotFound"})
		check(t, "lines that say so", len(w.lines(map[string]any{"letters": 2.0, "outOfTime": true})), 1)
	})
	t.Run("no time at all", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		var called atomic.Bool
		w.beforeChime = func(http.ResponseWriter, *http.Request) bool {
			called.Store(true)
			return false
		}
		response, err := New(w.config).Invoke(expired(t), w.event(msg{body: ask("acme", "ada"), count: 5}))
		if err != nil || string(response) != `{"batchItemFailures":[{"itemIdentifier":"m1"}]}` {
			t.Errorf("got %s, %v; want the message handed back", response, err)
		}
		check(t, "Chime was called", called.Load(), false)
	})
}

func TestVisibility(t *testing.T) {
	w := newWorld(t, Config{}, fault("busy", types.ErrorCodeThrottled, 0))
	var messages []msg
	for i := range 23 {
		messages = append(messages, msg{body: ask("acme", "busy"), count: i%4 + 1})
	}
	type call struct {
		QueueURL string `json:"QueueUrl"`
		Entries  []struct {
			ReceiptHandle     string
			VisibilityTimeout int
		}
	}
	calls := make(chan call, len(messages))
	w.beforeQueue = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("X-Amz-Target") == "AmazonSQS.ChangeMessageVisibilityBatch" {
			var c call
			if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
				t.Error(err)
			}
			calls <- c
		}
		return false // The stand-in knows none of the receipts; that changes nothing.
	}
	if handedBack := w.invoke(ample, messages...); len(handedBack) != len(messages) {
		t.Errorf("%d messages are handed back, want %d", len(handedBack), len(messages))
	}
	close(calls)
	seen := map[string]int{}
	for c := range calls {
		check(t, "queue", c.QueueURL, w.source)
		if len(c.Entries) > 10 {
			t.Errorf("a call has %d entries, more than 10", len(c.Entries))
		}
		for _, entry := range c.Entries {
			seen[entry.ReceiptHandle] = entry.VisibilityTimeout
		}
	}
	longest := []int{15, 60, 240, 900}
	for i, m := range messages {
		timeout, ok := seen[fmt.Sprintf("receipt-m%d", i+1)]
		if most := longest[m.count-1]; !ok || timeout > most || 2*timeout < most {
			t.Errorf("the visibility of a message after delivery %d is set to %d s (%v), want %d to %d", m.count, timeout, ok, (most+1)/2, most)
		}
	}
}

func TestAuditTrail(t *testing.T) {
	w := newWorld(t, Config{Concurrency: 1})
	var early []string
	w.beforeChime = func(_ http.ResponseWriter, r *http.Request) bool {
		// The line must be out when the call arrives.
		for _, line := range w.lines(map[string]any{"userIds": nil}) {
			early = append(early, fmt.Sprint(line["message"], r.URL.Path, line["accountId"], line["userIds"], line["requestId"]))
		}
		return true
	}
	w.invoke(ample, msg{body: ask("acme", "ada", "ben")})
	if want := "calling BatchSuspendUser/accounts/acme/usersacme[ada ben]" + requestID; !slices.Equal(early, []string{want}) {
		t.Errorf("before the call there were %q, want %q", early, want)
	}
	w.beforeChime = nil

	w.output.Reset()
	w.invoke(ample, msg{body: `{"accountId": "acme", "userIds": ["ada", "nobody"], "correlationId": "c-1"}`})
	lines := w.lines(map[string]any{"outcome": nil})
	if len(lines) != 2 {
		t.Fatalf("there are %d lines, want one for each user", len(lines))
	}
	for i, line := range lines {
		id, _ := line["chimeRequestId"].(string)
		at, _ := line["timestamp"].(string)
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil || len(id) != 36 {
			t.Errorf("line %d has the timestamp %q and the chimeRequestId %q", i, at, id)
		}
		delete(line, "chimeRequestId")
		delete(line, "timestamp")
	}
	check(t, "lines", lines, []map[string]any{
		{"level": "INFO", "message": "user accounted for", "requestId": requestID, "accountId": "acme", "userId": "ada", "messageId": "m1", "correlationId": "c-1", "outcome": "suspended"},
		{"level": "INFO", "message": "user accounted for", "requestId": requestID, "accountId": "acme", "userId": "nobody", "messageId": "m1", "correlationId": "c-1", "outcome": "deadLettered", "errorCode": "NotFound"},
	})
	for _, line := range w.lines(nil) {
		check(t, "requestId of a line", line["requestId"], any(requestID))
	}
}

func TestMetricsLine(t *testing.T) {
	w := newWorld(t, Config{})
	w.invoke(ample, msg{body: ask("acme", "ada")})
	line := w.lines(map[string]any{"_aws": nil})[0]
	metadata := line["_aws"].(map[string]any)
	if at := metadata["Timestamp"].(float64); time.Since(time.UnixMilli(int64(at))).Abs() > time.Minute {
		t.Errorf("Timestamp is %v, want milliseconds of now", at)
	}
	var metrics []any
	for _, name := range []string{"MessagesReceived", "UsersSuspended", "UsersDeadLettered", "MessagesReturned", "InvalidMessages", "ChimeCalls"} {
		metrics = append(metrics, map[string]any{"Name": name, "Unit": "Count"})
	}
	check(t, "CloudWatchMetrics", metadata["CloudWatchMetrics"], any([]any{map[string]any{
		"Namespace":  "ChimeSuspension",
		"Dimensions": []any{[]any{"FunctionName"}},
		"Metrics":    metrics,
	}}))
	check(t, "FunctionName", line["FunctionName"], any("suspend-users"))
	check(t, "message", line["message"], any("event done"))
}

func TestWhatTheLogSaysOfFailures(t *testing.T) {
	type line = map[string]any
	for name, test := range map[string]struct {
		messages []msg
		letters  string // what the dead-letter queue answers, if not the stand-in
		want     []line // all but the timestamp, the invocation's requestId and Chime's
	}{
		"nothing where nothing fails": {messages: []msg{{body: ask("acme", "ada", "nobody")}}},
		"of a call": {
			messages: []msg{{body: ask("closed", "x", "y"), count: 5}},
			want: []line{{
				"level": "WARN", "message": "BatchSuspendUser failed", "accountId": "closed", "users": 2.0, "errorCode": "Forbidden",
				"cause": "refused by the service", "httpStatus": 403.0, "effect": "stop the account",
			}},
		},
		"of letters, and of the visibility of their message, whose receipt the queue does not know": {
			messages: []msg{{body: ask("acme", "none", "no one", "nobody")}},
			letters:  `{"Successful": [{"Id": "0", "MessageId": "x"}], "Failed": [{"Id": "1", "Code": "InternalError"}]}`,
			want: []line{
				{"level": "ERROR", "message": "dead letters not taken: their messages are handed back", "letters": 2.0, "errorCodes": line{"InternalError": 1.0, "RequestFailed": 1.0}, "outOfTime": false},
				{"level": "WARN", "message": "visibility not set: messages wait for the queue's visibility timeout", "messages": 1.0, "errorCode": "ReceiptHandleIsInvalid", "cause": "refused by the service"},
			},
		},
		"of invalid requests with their letters": {
			messages: []msg{{body: `{"accountId": "acme", "user": "ada"}`}},
			want:     []line{{"level": "WARN", "message": "invalid request", "messageId": "m1", "errorCode": "InvalidRequest", "field": "user", "deadLettered": true}},
		},
		"of a letter that no queue takes": {
			messages: []msg{{body: ""}},
			want: []line{
				{"level": "ERROR", "message": "dead letter impossible: the message is handed back until the queue moves it", "messageId": "m1", "errorCode": "InvalidMessageContents"},
				{"level": "WARN", "message": "invalid request", "messageId": "m1", "errorCode": "InvalidRequest", "field": "", "deadLettered": false},
				{"level": "WARN", "message": "visibility not set: messages wait for the queue's visibility timeout", "messages": 1.0, "errorCode": "ReceiptHandleIsInvalid", "cause": "refused by the service"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Config{})
			if err := w.dir.AddAccount(chimeserver.Account{AccountID: "closed", AccountType: types.AccountTypeTeam, Fault: &chimeserver.Fault{RefuseWith: "ForbiddenException"}}); err != nil {
				t.Fatal(err)
			}
			if test.letters != "" {
				w.beforeQueue = answerTo("AmazonSQS.SendMessageBatch", test.letters)
			}
			w.invoke(ample, test.messages...)
			var got []line
			for _, line := range w.lines(nil) {
				if line["level"] != "INFO" {
					delete(line, "timestamp")
					delete(line, "requestId")
					delete(line, "chimeRequestId")
					got = append(got, line)
				}
			}
			check(t, "lines", got, test.want)
		})
	}
}

func TestPrivacy(t *testing.T) {
	const secret = "PRIVATE"
	w := newWorld(t, Config{}, chimeserver.User{UserID: "odd", Fault: &chimeserver.Fault{RefuseWith: "BadRequestException"}})
	w.beforeChime = func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "garbage") {
			return false
		}
		_, err := rw.Write([]byte(secret))
		return err == nil
	}
	w.invoke(ample,
		msg{body: `{"accountId": "acme", "userIds": ["ada", "odd", "nobody"], "reason": "PRIVATE", "requestedBy": "PRIVATE"}`},
		msg{body: `{"accountId": "garbage", "userId": "ada", "reason": "PRIVATE"}`},
		msg{body: `{"accountId": "acme", "userId": "ada", "when": "PRIVATE"}`},
		msg{body: `PRIVATE`},
		msg{body: `{"accountId": "acme", "userId": 1, "reason": "PRIVATE`},
	)
	for text := range strings.Lines(w.output.String()) {
		for _, private := range []string{secret, "AKIDTEST", "SECRETTEST", "refuse"} {
			if strings.Contains(text, private) && !strings.Contains(text, "refused by the service") {
				t.Errorf("%q has %q", text, private)
			}
		}
	}
}
