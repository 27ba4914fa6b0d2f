package main

import (
	"cmp"
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
	events map[string]outcomes // under way, by request ID
	lines  bool                // whether each event gets a line
	quiet  bool                // whether what the worker complains about gets none
	users  bool                // whether each user does
	bar    *bar
}

// outcomes are how many users of an event had an outcome, and with it which error code.
type outcomes map[string]map[string]int

func newReport(out, log io.Writer, lines, quiet bool) *report {
	return &report{out: out, log: log, lines: lines, quiet: quiet, events: make(map[string]outcomes)}
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
		r.bar = nil
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
	Outcome   string          `json:"outcome"`
	ErrorCode string          `json:"errorCode"`
	Level     string          `json:"level"`
	Message   string          `json:"message"`
	Error     string          `json:"error"`
	Metrics   json.RawMessage `json:"_aws"`

	DeadLettered *bool `json:"deadLettered"` // of an invalid message

	MessagesReceived int
	MessagesReturned int
	ChimeCalls       int
}

// Write takes one whole line of the worker's output.
func (r *report) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.log.Write(line); err != nil {
		return 0, fmt.Errorf("writing the worker's log: %w", err)
	}
	if r.quiet {
		return len(line), nil
	}
	var l logLine
	if err := json.Unmarshal(line, &l); err != nil {
		fmt.Fprintf(r.out, "  worker: %s", line) // What the runtime library prints is plain text.
		return len(line), nil
	}
	switch {
	case l.Outcome != "":
		r.count(l, l.UserID+" of "+l.AccountID)
	case l.DeadLettered != nil:
		l.Outcome = "returned"
		if *l.DeadLettered {
			l.Outcome = "deadLettered"
		}
		r.count(l, "an invalid message")
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

// count notes what became of a user, or of an invalid message.
func (r *report) count(l logLine, who string) {
	event := r.events[l.RequestID]
	if event == nil {
		event = make(outcomes)
		r.events[l.RequestID] = event
	}
	if event[l.Outcome] == nil {
		event[l.Outcome] = make(map[string]int)
	}
	event[l.Outcome][l.ErrorCode]++
	if r.users {
		fmt.Fprintln(r.out, strings.TrimRight("    "+who+": "+l.Outcome+" "+l.ErrorCode, " "))
	}
}

// summary says what became of an event.
func summary(l logLine, users outcomes) string {
	const most = 3 // codes by name
	suspended, letters, returned := users["suspended"][""], users["deadLettered"], users["returned"]
	var parts []string
	if suspended > 0 {
		parts = append(parts, fmt.Sprintf("%d suspended", suspended))
	}
	if len(letters) > 0 {
		sum := 0
		for _, n := range letters {
			sum += n
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", plural(sum, "dead letter"), codes(letters, most)))
	}
	if len(returned) > 0 {
		parts = append(parts, fmt.Sprintf("%s handed back (%s)", plural(l.MessagesReturned, "message"), codes(returned, most)))
	}

	// A part that does not fit into a terminal's line starts another one, below the first.
	const indent, width = 18, 120
	line := fmt.Sprintf("%s, %s:", plural(l.MessagesReceived, "message"), plural(l.ChimeCalls, "call"))
	column := indent + len(line)
	for i, part := range parts {
		if i < len(parts)-1 {
			part += ","
		}
		if column++; column+len(part) > width {
			line += "\n" + strings.Repeat(" ", indent) + part
			column = indent + len(part)
		} else {
			line += " " + part
			column += len(part)
		}
	}
	return line
}

// codes lists error codes with how often there are, the most frequent first, and only so many of them by name.
func codes(counts map[string]int, most int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	var list []string
	for _, name := range names[:min(most, len(names))] {
		if n := counts[name]; n > 1 {
			name = fmt.Sprintf("%s %d", name, n)
		}
		list = append(list, name)
	}
	if more := len(names) - most; more > 0 {
		list = append(list, fmt.Sprintf("+%d more", more))
	}
	return strings.Join(list, ", ")
}

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
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
		{Number: 5, WidthMax: 48, WidthMaxEnforcer: text.WrapSoft},
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
		t.AppendRow(table.Row{name, a.asked, a.suspended, a.deadLetters, codes(a.codes, len(a.codes)), calls[a.account]})
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
