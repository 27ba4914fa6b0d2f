package main

import (
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// between is how far apart the lines are that stand for a bar where there is no terminal.
const between = 10 * time.Second

// bar shows how far the program is. A nil bar shows nothing.
type bar struct {
	*program

	what        string
	done, total int
	printed     time.Time

	tracker *progress.Tracker // nil without a terminal
	drawn   chan struct{}     // closed once the bar is gone
}

func (p *program) newBar(what string, total int) *bar {
	b := &bar{program: p, what: what, total: total, printed: time.Now()}
	if !p.draws {
		return b
	}
	b.tracker = &progress.Tracker{Message: what, Total: int64(total), RemoveOnCompletion: true}
	b.drawn = make(chan struct{})
	writer := progress.NewWriter()
	writer.SetOutputWriter(p.err)
	writer.SetAutoStop(true)
	writer.Style().Visibility.ETA = true
	writer.AppendTracker(b.tracker)
	go func() {
		writer.Render()
		close(b.drawn)
	}()
	return b
}

func (b *bar) add(n int) {
	if b == nil {
		return
	}
	b.done += n
	switch {
	case b.tracker != nil:
		b.tracker.Increment(int64(n))
	case time.Since(b.printed) > between:
		b.printed = time.Now()
		b.notef("%d of about %d %s", b.done, b.total, b.what)
	}
}

// finish takes the bar away.
func (b *bar) finish() {
	if b == nil || b.tracker == nil {
		return
	}
	b.tracker.MarkAsDone()
	<-b.drawn
}
