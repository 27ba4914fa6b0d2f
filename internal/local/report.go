package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// report is what a run prints. It reads the worker's output to tell what becomes of each event.
type report struct {
	out io.Writer
	log io.Writer // gets the worker's output as it is

	mu     sync.Mutex
	events map[string]map[string]int // under way: the users of an event by what became of them
	lines  bool                      // whether each event gets a line
	users  bool                      // whether each user does
	bar    *bar
}

func newReport(out, log io.Writer, lines bool) *report {
	return &report{out: out, log: log, lines: lines, events: make(map[string]map[string]int)}
}

// perUser lets each user have a line from now on.
func (r *report) perUser() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines, r.users = true, true
}

func (r *report) startProgress(messages int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bar = newBar(r.out, messages)
}

func (r *report) progress(messages int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bar != nil {
		r.bar.add(messages)
	}
}

func (r *report) finishProgress() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bar != nil {
		r.bar.finish()
	}
}

func (r *report) printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// logLine is what the report reads of a line of the worker.
type logLine struct {
	RequestID string          `json:"requestId"`
	AccountID string          `json:"accountId"`
	UserID    string          `json:"userId"`
	MessageID string          `json:"messageId"`
	Outcome   string          `json:"outcome"`
	ErrorCode string          `json:"errorCode"`
	Field     string          `json:"field"`
	Level     string          `json:"level"`
	Message   string          `json:"message"`
	Error     string          `json:"error"`
	Metrics   json.RawMessage `json:"_aws"`

	MessagesReceived int
	MessagesReturned int
	InvalidMessages  int
	ChimeCalls       int
}

// Write takes one whole line of the worker's output.
func (r *report) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.log.Write(line); err != nil {
		return 0, fmt.Errorf("writing the worker's log: %w", err)
	}
	var l logLine
	if err := json.Unmarshal(line, &l); err != nil {
		fmt.Fprintf(r.out, "  worker: %s", line) // What the runtime library prints is plain text.
		return len(line), nil
	}
	switch {
	case l.Outcome != "":
		what := l.Outcome
		if l.ErrorCode != "" {
			what += " " + l.ErrorCode
		}
		if r.events[l.RequestID] == nil {
			r.events[l.RequestID] = make(map[string]int)
		}
		r.events[l.RequestID][what]++
		if r.users {
			fmt.Fprintf(r.out, "    %s of %s: %s\n", l.UserID, l.AccountID, what)
		}
	case l.Metrics != nil:
		users := r.events[l.RequestID]
		delete(r.events, l.RequestID)
		if r.lines {
			fmt.Fprintf(r.out, "  event %.8s  %s\n", l.RequestID, summary(l, users))
		}
	case l.Level == "ERROR":
		fmt.Fprintf(r.out, "  worker: %s: %s\n", l.Message, strings.ReplaceAll(l.Error, "\n", "; "))
	}
	return len(line), nil
}

// summary says in one line what became of an event.
func summary(l logLine, users map[string]int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%2d messages, %2d calls:", l.MessagesReceived, l.ChimeCalls)
	separator := " "
	add := func(n int, what string) {
		if n > 0 {
			fmt.Fprintf(&b, "%s%d %s", separator, n, what)
			separator = ", "
		}
	}
	for _, what := range slices.Backward(slices.Sorted(maps.Keys(users))) {
		add(users[what], what)
	}
	add(l.InvalidMessages, "InvalidRequest")
	if l.MessagesReturned > 0 {
		fmt.Fprintf(&b, " (%d messages handed back)", l.MessagesReturned)
	}
	return b.String()
}

// table prints the sums of the ledger, with the calls of each account.
func (r *report) table(accounts []total, all total, calls map[string]int) {
	t := table.NewWriter()
	t.SetOutputMirror(r.out)
	t.SetStyle(table.StyleLight)
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, Align: text.AlignRight, AlignFooter: text.AlignRight},
		{Number: 3, Align: text.AlignRight, AlignFooter: text.AlignRight},
		{Number: 4, Align: text.AlignRight, AlignFooter: text.AlignRight},
		{Number: 5, WidthMax: 60},
		{Number: 6, Align: text.AlignRight, AlignFooter: text.AlignRight},
	})
	t.Style().Format.Header = text.FormatDefault
	t.Style().Format.Footer = text.FormatDefault
	t.AppendHeader(table.Row{"Account", "Requested", "Suspended", "Dead letters", "of these", "Calls"})
	sum := 0
	for _, a := range accounts {
		name := a.account
		if name == "" {
			name = "(invalid messages)"
		}
		t.AppendRow(table.Row{name, a.asked, a.suspended, a.deadLetters, a.reasons(), calls[a.account]})
		sum += calls[a.account]
	}
	t.AppendFooter(table.Row{"All", all.asked, all.suspended, all.deadLetters, "", sum})
	t.Render()
}

// bar shows how far a synthetic load is: as a bar on a terminal, else as a line every now and then.
type bar struct {
	writer  progress.Writer
	tracker *progress.Tracker
	out     io.Writer
	printed time.Time
	done    int64
	total   int64
}

const barLines = 2 * time.Second

func newBar(out io.Writer, total int) *bar {
	b := &bar{out: out, total: int64(total), printed: time.Now()}
	if file, ok := out.(*os.File); !ok || !terminal(file) {
		return b
	}
	b.tracker = &progress.Tracker{Message: "messages done", Total: int64(total)}
	b.writer = progress.NewWriter()
	b.writer.SetOutputWriter(out)
	b.writer.SetAutoStop(true)
	b.writer.AppendTracker(b.tracker)
	go b.writer.Render()
	return b
}

func terminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (b *bar) add(n int) {
	b.done += int64(n)
	switch {
	case b.tracker != nil:
		b.tracker.Increment(int64(n))
	case time.Since(b.printed) > barLines:
		b.printed = time.Now()
		fmt.Fprintf(b.out, "  %d of %d messages done\n", b.done, b.total)
	}
}

// finish lets the bar be drawn to its end before anything else is printed.
func (b *bar) finish() {
	if b.writer == nil {
		return
	}
	b.tracker.MarkAsDone()
	for b.writer.IsRenderInProgress() {
		time.Sleep(pause)
	}
}
