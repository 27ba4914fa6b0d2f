package worker

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"chime-offboarding/internal/queue"
	"chime-offboarding/internal/request"
	"chime-offboarding/internal/suspension"
)

// BenchmarkInvoke takes an event of 8,000 messages of 4 accounts through, with its 160 calls.
func BenchmarkInvoke(b *testing.B) {
	w := newWorld(b, Config{Concurrency: 4})
	w.beforeChime = answerEverything
	w.config.Output = io.Discard
	w.config.Log = slog.New(slog.DiscardHandler)
	messages := make([]msg, 8000)
	for i := range messages {
		messages[i] = msg{
			id:   fmt.Sprintf("059f36b4-87a3-44ab-83d2-6619%08d", i),
			body: fmt.Sprintf(`{"accountId":"account-%d","userId":"6a7e8feb-b491-4cf7-a9f1-%012d","correlationId":"17793124-05d4-b198-2fde-%012d"}`, i%4, i, i),
		}
	}
	payload := w.event(messages...)
	worker := New(w.config)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := worker.Invoke(b.Context(), payload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAuditTrail writes the lines of 1,000 users.
func BenchmarkAuditTrail(b *testing.B) {
	m := &message{
		Record: &queue.Record{MessageID: "059f36b4-87a3-44ab-83d2-661975830a7d"},
		request: request.Request{
			AccountID:     "acme-enterprise",
			UserIDs:       []string{"6a7e8feb-b491-4cf7-a9f1-bf3703467718"},
			CorrelationID: "17793124-05d4-b198-2fde-7ededc63b103",
		},
		users: []*suspension.User{{ID: "6a7e8feb-b491-4cf7-a9f1-bf3703467718", Result: suspension.Result{
			Outcome: suspension.Suspended, RequestID: "b1676270-b506-4361-a607-d84d69ec42ad",
		}}},
	}
	b.ReportAllocs()
	for b.Loop() {
		a := newAudit(io.Discard, "5b1a2b0b-b26b-4cd1-989d-ec370ffe83b4")
		now := time.Now()
		for range 1000 {
			a.user(now, m, 0)
		}
		a.flush()
	}
}

// answerEverything is a Chime that suspends whomever it is asked to.
func answerEverything(w http.ResponseWriter, r *http.Request) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	_, err := io.WriteString(w, `{"UserErrors": []}`)
	return err == nil
}
