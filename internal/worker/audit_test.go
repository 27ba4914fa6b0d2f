package worker

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chime-offboarding/internal/queue"
	"chime-offboarding/internal/suspension"
)

// writes keeps each write.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

func TestLinesAreWrittenManyAtOnce(t *testing.T) {
	const enough = 64 << 10
	var written writes
	a := newAudit(&written, requestID)
	m := &message{Record: &queue.Record{MessageID: "m1"}, users: []*suspension.User{{ID: "ada"}}}
	for range 1000 {
		a.user(time.Now(), m, 0)
	}
	a.flush()
	last := len(written) - 1
	for i, text := range written[:last] {
		if len(text) < enough || len(text) > enough+1024 || !strings.HasSuffix(text, "}\n") {
			t.Errorf("write %d of %d has %d bytes, want whole lines of %d bytes or little more", i, last, len(text), enough)
		}
	}
	if all := strings.Join(written, ""); last == 0 || strings.Count(all, "\n") != 1000 {
		t.Errorf("%d lines are written at %d times, want 1,000 at several", strings.Count(all, "\n"), len(written))
	}
}

func TestEachLineHasItsTime(t *testing.T) {
	var written writes
	a := newAudit(&written, requestID)
	m := &message{Record: &queue.Record{MessageID: "m1"}, users: []*suspension.User{{ID: "ada"}}}
	at := time.Date(2026, time.September, 21, 9, 0, 0, 0, time.FixedZone("CEST", 2*60*60))
	for _, at := range []time.Time{{}, at, at, at.Add(time.Second), at} {
		a.user(at, m, 0)
	}
	a.flush()
	var got []string
	for line := range strings.Lines(strings.Join(written, "")) {
		time, _, _ := strings.Cut(strings.TrimPrefix(line, `{"timestamp":"`), ".")
		got = append(got, time)
	}
	want := []string{"0001-01-01T00:00:00", "2026-09-21T07:00:00", "2026-09-21T07:00:00", "2026-09-21T07:00:01", "2026-09-21T07:00:00"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTextsOfASenderAreLogged(t *testing.T) {
	most := strings.Repeat("c", 1023)
	for text, want := range map[string]string{
		"":              "",
		"a\x01":         "a\x01",
		most + "\x01":   most + "\x01",
		most + "\x01c":  most,
		most + "cc":     most + "c",
		most[1:] + "éc": most[1:] + "é",
	} {
		if got := logged(text); got != want {
			t.Errorf("%+q is logged as %+q", text, got)
		}
	}
}
