package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// report is what a run prints.
type report struct{ out io.Writer }

func (r report) printf(format string, args ...any) { fmt.Fprintf(r.out, format+"\n", args...) }

// introduce says what is started.
func (r report) introduce(o options, architecture string) {
	r.printf("Chime   a stand-in over the accounts and users of %s; it and the queues are in a container of their own", o.directory)
	r.printf("worker  built by sam build for %s, and run by sam local invoke", architecture)
	r.printf("        its output is in %s", o.log)
}

// story prints how an event has ended, and reports whether it should have.
func (r report) story(s story, answer []byte, ended result) bool {
	r.printf("\n%s: %s\n  answer %s", s.file, plural(ended.Ending.Calls, "call"), answer)
	r.users(ended)
	if s.endingFile == "" {
		return true
	}
	differences := s.ending.Differences(ended.Ending)
	if len(differences) == 0 {
		r.printf("It has ended as %s says.", s.endingFile)
		return true
	}
	r.printf("It has ended otherwise than %s says (- is missing, + should not be):", s.endingFile)
	for _, line := range differences {
		r.printf("  %s", line)
	}
	return false
}

// users prints a table of who is suspended, who has a dead letter, and what is handed back.
func (r report) users(ended result) {
	t := table.NewWriter()
	t.SetOutputMirror(r.out)
	t.SetStyle(table.StyleLight)
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 4, WidthMax: 52, WidthMaxEnforcer: text.WrapSoft}})
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(table.Row{"Account", "User", "Outcome", "Reason"})
	for _, account := range slices.Sorted(maps.Keys(ended.Ending.Suspended)) {
		for _, user := range ended.Ending.Suspended[account] {
			t.AppendRow(table.Row{account, user, "suspended"})
		}
	}
	for _, l := range ended.Letters {
		account := l.User.AccountID
		if account == "" {
			account = message(l.Message)
		}
		t.AppendRow(table.Row{account, l.User.UserID, "dead letter", l.ErrorCode + ": " + l.ErrorMessage})
	}
	for _, place := range ended.Ending.HandedBack {
		t.AppendRow(table.Row{message(place), "", "handed back"})
	}
	if t.Length() > 0 {
		t.Render()
	}
}

// message names a message by its place in the event.
func message(place int) string { return fmt.Sprintf("(message %d)", place) }

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
