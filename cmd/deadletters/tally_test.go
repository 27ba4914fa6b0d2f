package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestListCountsByCodeAndAccountOldestFirst(t *testing.T) {
	s := newStage(t)
	user := func(code, account string, ago time.Duration) {
		s.letter(code, `{"accountId":"`+account+`","userId":"ada"}`, now.Add(-ago))
	}
	user("NotFound", "corp", 5*time.Minute)
	user("Throttled", "corp", 30*time.Second)
	user("Throttled", "corp", 10*time.Second)
	user("NotFound", "team", 50*time.Hour)
	user("NotFound", "corp", 90*time.Minute)
	user("AccessDenied", "corp", 90*time.Minute)
	s.letter("InvalidRequest", "hello", now.Add(-24*time.Hour))

	const want = `
┌────────────────┬─────────┬─────────┬─────────────────────┬────────┬─────────────────────┐
│ Code           │ Account │ Letters │ Oldest (UTC)        │    Age │ Newest (UTC)        │
├────────────────┼─────────┼─────────┼─────────────────────┼────────┼─────────────────────┤
│ NotFound       │ team    │       1 │ 2026-02-18 02:02:03 │  2d 2h │ 2026-02-18 02:02:03 │
│ InvalidRequest │ @none   │       1 │ 2026-02-19 04:02:03 │ 24h 0m │ 2026-02-19 04:02:03 │
│ AccessDenied   │ corp    │       1 │ 2026-02-20 02:32:03 │ 1h 30m │ 2026-02-20 02:32:03 │
│ NotFound       │ corp    │       2 │ 2026-02-20 02:32:03 │ 1h 30m │ 2026-02-20 03:57:03 │
│ Throttled      │ corp    │       2 │ 2026-02-20 04:01:33 │    30s │ 2026-02-20 04:01:53 │
├────────────────┼─────────┼─────────┼─────────────────────┼────────┼─────────────────────┤
│ All            │         │       7 │                     │        │                     │
└────────────────┴─────────┴─────────┴─────────────────────┴────────┴─────────────────────┘
`
	code, out, err := s.run("list")
	table, last, _ := strings.Cut(out, "The queue deletes")
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), table); diff != "" || code != exitDone || err != "" {
		t.Errorf("exit code %d and %q; (-want +got):\n%s", code, err, diff)
	}
	s.contains(last, " the oldest of them in ")
}

func TestListSaysWhenLettersAreLost(t *testing.T) {
	s := newStage(t)
	s.users("NotFound", 1)
	s.program.now = func() time.Time { return time.Now().Add(80 * time.Hour) }
	_, out, _ := s.run("list")
	s.contains(out, "The queue deletes the oldest of them in 15h 59m.\n") // Four days are what a queue keeps messages for.
}

func TestListDoesNotGuessHowLongLettersAreKept(t *testing.T) {
	s := newStage(t)
	s.users("NotFound", 1)
	s.intercept = func(c *call) {
		c.do()
		if c.action == "GetQueueAttributes" {
			c.give(`{"Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:dead-letters"}}`)
		}
	}
	if code, out, err := s.run("list"); code != exitDone || !strings.HasSuffix(out, "┘\n") {
		t.Errorf("exit code %d, %s%s; want %d and nothing below the table", code, out, err, exitDone)
	}
}

func TestAges(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                             "0s",
		time.Minute - time.Second:     "59s",
		time.Minute:                   "1m",
		time.Hour - time.Second:       "59m",
		time.Hour:                     "1h 0m",
		48*time.Hour - time.Second:    "47h 59m",
		48 * time.Hour:                "2d 0h",
		14*24*time.Hour - time.Minute: "13d 23h",
		-time.Minute:                  "-60s",
	} {
		if got := age(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
