package main

import (
	"testing"
	"time"

	"chime-offboarding/internal/queue"
	"chime-offboarding/internal/request"
	"chime-offboarding/internal/suspension"
)

// The parts of an event of 8,000 messages, one by one. benchstat compares them between two states of the code.

func BenchmarkDecode(b *testing.B) {
	e := largeEvent(b)
	b.SetBytes(int64(len(e.payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := queue.DecodeEvent(e.payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	bodies := decoded(b)
	b.ReportAllocs()
	for b.Loop() {
		var parser request.Parser
		for _, body := range bodies {
			if _, err := parser.Parse(body); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkGroup(b *testing.B) {
	e := largeEvent(b)
	b.ReportAllocs()
	for b.Loop() {
		var schedule suspension.Schedule
		for u := range e.users {
			schedule.Add(u.account, u.id)
		}
		calls := 0
		for {
			if _, ok := schedule.Next(); !ok {
				break
			}
			calls++
		}
		if calls != e.calls {
			b.Fatalf("%d calls, want %d", calls, e.calls)
		}
	}
}

func BenchmarkLetters(b *testing.B) {
	source := queue.Record{MessageID: "059f36b4-87a3-44ab-83d2-661975830a7d", SourceARN: "arn:aws:sqs:us-east-1:123456789012:suspensions", ReceiveCount: 5}
	r := request.Request{AccountID: accounts[0], UserIDs: []string{"6a7e8feb-b491-4cf7-a9f1-bf3703467718"}, CorrelationID: "offboarding-0001", RequestedBy: "hr-system", Reason: "Last working day"}
	b.ReportAllocs()
	for b.Loop() {
		l := queue.Letter{
			Body:         string(r.AppendBody(nil, r.UserIDs[0])),
			ErrorCode:    "NotFound",
			ErrorMessage: "One or more of the resources in the request does not exist in the system.",
			Source:       &source,
			FailedAt:     time.Unix(1789981200, 0),
			RequestID:    "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
		}
		if err := l.Refused(); err != nil {
			b.Fatal(err)
		}
	}
}

func largeEvent(b *testing.B) event {
	b.Helper()
	e, err := newEvent(large)
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func decoded(b *testing.B) []string {
	b.Helper()
	records, err := queue.DecodeEvent(largeEvent(b).payload)
	if err != nil {
		b.Fatal(err)
	}
	bodies := make([]string, len(records))
	for i, r := range records {
		bodies[i] = r.Body
	}
	return bodies
}
