package worker

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// expired is the context of an invocation whose deadline is over.
func expired(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	t.Cleanup(cancel)
	return ctx
}

func TestRefusedEvents(t *testing.T) {
	w := newWorld(t, Config{})
	for name, payload := range map[string]string{
		"no Records":   `{"detail": {}}`,
		"another kind": `{"Records": [{"eventSource": "aws:sns", "Sns": {}}]}`,
		"no body":      `{"Records": [{"messageId": "m1", "eventSource": "aws:sqs"}]}`,
		"no JSON":      `Records`,
	} {
		response, err := New(w.config).Invoke(t.Context(), []byte(payload))
		if err == nil || !strings.Contains(err.Error(), "not an event of a standard SQS queue") || !strings.Contains(err.Error(), "check ") {
			t.Errorf("%s: got %s, %v; want an error that says what to do", name, response, err)
		}
	}
	if lines := w.lines(map[string]any{"_aws": nil}); len(lines) > 0 {
		t.Errorf("there are metrics of refused events: %v", lines)
	}
	if lines := w.lines(map[string]any{"level": "ERROR"}); len(lines) != 4 {
		t.Errorf("there are %d lines about 4 refused events", len(lines))
	}
}

func TestEmptyEvent(t *testing.T) {
	w := newWorld(t, Config{})
	response, err := New(w.config).Invoke(t.Context(), []byte(`{"Records": []}`))
	if err != nil || string(response) != `{"batchItemFailures":[]}` {
		t.Errorf("got %s, %v; want an empty list", response, err)
	}
}

// failingWriter is a standard output that nobody reads any more.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestNothingWithoutAuditTrail(t *testing.T) {
	w := newWorld(t, Config{})
	w.config.Output = failingWriter{}
	w.config.Log = slog.New(slog.DiscardHandler)
	handedBack := w.invoke(ample, msg{body: ask("acme", "ada"), count: 5}, msg{body: "no request"}, msg{body: ask("acme", "ben")})
	check(t, "handed back", handedBack, []string{"m1", "m2", "m3"})
	check(t, "calls", w.chime.Calls(), map[string]int{})
	check(t, "dead letters", w.codes(), []string{})
}

// lasting is a standard output that is read for a number of writes.
type lasting int

func (l *lasting) Write(p []byte) (int, error) {
	if *l--; *l < 0 {
		return 0, errors.New("broken pipe")
	}
	return len(p), nil
}

func TestNothingIsAcknowledgedThatIsNotAccountedFor(t *testing.T) {
	w := newWorld(t, Config{})
	calling := lasting(1)
	w.config.Output = &calling
	check(t, "handed back", w.invoke(ample, msg{body: ask("acme", "ada")}, msg{body: ask("acme", "nobody")}), []string{"m1", "m2"})
	check(t, "suspended", w.suspended("acme"), []string{"ada"})
	lines := w.lines(map[string]any{"level": "ERROR", "message": "audit trail not written: all messages are handed back", "error": "broken pipe"})
	check(t, "lines that say so", len(lines), 1)
}

func TestEventsSideBySide(t *testing.T) {
	w := newWorld(t, Config{Concurrency: 4})
	worker := New(w.config)
	var group sync.WaitGroup
	for _, user := range users(8) {
		group.Go(func() {
			response, err := worker.Invoke(t.Context(), w.event(msg{body: ask("acme", user, "no-"+user)}))
			if err != nil || string(response) != `{"batchItemFailures":[]}` {
				t.Errorf("%s: got %s, %v", user, response, err)
			}
		})
	}
	group.Wait()
	check(t, "suspended", w.suspended("acme"), users(8))
	check(t, "number of dead letters", len(w.receiveLetters()), 8)
	check(t, "number of metrics lines", len(w.lines(map[string]any{"UsersSuspended": 1.0, "ChimeCalls": 1.0})), 8)
}

func TestBudget(t *testing.T) {
	for name, test := range map[string]struct {
		left  time.Duration
		users int

		letters, visibility, answer time.Duration
	}{
		"a function of 3 s":         {3 * time.Second, 0, 450 * time.Millisecond, 225 * time.Millisecond, 300 * time.Millisecond},
		"a function of 60 s":        {time.Minute, 0, 9667 * time.Millisecond, 3 * time.Second, 2 * time.Second},
		"a function of 15 min":      {15 * time.Minute, 0, 30 * time.Second, 3 * time.Second, 2 * time.Second},
		"many users to account for": {time.Minute, 100_000, 9667 * time.Millisecond, 4 * time.Second, 2 * time.Second},
		"more users than time":      {time.Second, 10_000_000, 150 * time.Millisecond, 525 * time.Millisecond, 100 * time.Millisecond},
		"hardly any time":           {100 * time.Millisecond, 0, 8333 * time.Microsecond, 4167 * time.Microsecond, 50 * time.Millisecond},
		"no time":                   {0, 10, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			deadline := time.Now().Add(test.left)
			ctx, cancel := context.WithDeadline(t.Context(), deadline)
			defer cancel()
			b := newBudget(ctx, test.users)
			// The clock goes on between the two readings.
			const slack = 10 * time.Millisecond
			for what, got := range map[string][2]time.Duration{
				"letters":    {b.letters.Sub(b.suspend), test.letters},
				"visibility": {b.visibility.Sub(b.letters), test.visibility},
				"answer":     {deadline.Sub(b.visibility), test.answer},
			} {
				if (got[0] - got[1]).Abs() > slack {
					t.Errorf("the time for %s is %v, want %v", what, got[0], got[1])
				}
			}
		})
	}
}
