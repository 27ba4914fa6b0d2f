package main

import (
	"bytes"
	"fmt"
	"testing"

	"chime-offboarding/internal/queue"
	"chime-offboarding/internal/request"
)

func TestEventIsOneOfTheQueues(t *testing.T) {
	for _, test := range []struct{ messages, calls int }{{1, 1}, {4, 4}, {200, 4}, {201, 5}, {medium, 20}, {slow, 80}, {large, 160}} {
		t.Run(fmt.Sprint(test.messages), func(t *testing.T) {
			e, err := newEvent(test.messages)
			if err != nil {
				t.Fatal(err)
			}
			if e.calls != test.calls {
				t.Errorf("%d calls are the least possible, want %d", e.calls, test.calls)
			}
			records, err := queue.DecodeEvent(e.payload)
			if err != nil {
				t.Fatal(err)
			}
			asked := make(map[user]bool)
			for _, r := range records {
				var parser request.Parser
				got, invalid := parser.Parse(r.Body)
				if invalid != nil {
					t.Fatal(invalid)
				}
				asked[user{got.AccountID, got.UserIDs[0]}] = true
				if got.CorrelationID == "" || got.RequestedBy == "" || got.Reason == "" {
					t.Fatalf("a body lacks an optional field: %s", r.Body)
				}
			}
			if len(records) != test.messages || len(asked) != test.messages {
				t.Errorf("%d messages ask for %d users, want %d of both", len(records), len(asked), test.messages)
			}
			for u := range asked {
				if !e.users[u] {
					t.Errorf("%v is asked for and not in the event's list", u)
				}
			}
		})
	}
}

func TestLargeEventIsOf5MB(t *testing.T) {
	e, err := newEvent(large)
	if err != nil {
		t.Fatal(err)
	}
	if size := len(e.payload); size < 4_800_000 || size > 5_200_000 {
		t.Errorf("it has %d bytes", size)
	}
}

func TestEventIsTheSameEachTime(t *testing.T) {
	first, err := newEvent(100)
	if err != nil {
		t.Fatal(err)
	}
	second, err := newEvent(100)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.payload, second.payload) {
		t.Error("it is not")
	}
}
