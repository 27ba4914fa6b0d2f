package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// tally counts letters by code and account.
type tally struct {
	letters int
	groups  map[group]*span
	kept    time.Time // since when the queue has had the oldest
}

type group struct{ code, account string }

type span struct {
	letters        int
	oldest, newest time.Time
}

func newTally() *tally { return &tally{groups: make(map[group]*span)} }

func (t *tally) add(l *letter) {
	t.letters++
	if t.kept.IsZero() || l.SentAt.Before(t.kept) {
		t.kept = l.SentAt
	}
	at, key := l.since(), group{l.code(), l.account()}
	s := t.groups[key]
	if s == nil {
		s = &span{oldest: at, newest: at}
		t.groups[key] = s
	}
	s.letters++
	if at.Before(s.oldest) {
		s.oldest = at
	}
	if at.After(s.newest) {
		s.newest = at
	}
}

// codes returns the codes that there are, in order.
func (t *tally) codes() []string {
	var codes []string
	for g := range t.groups {
		codes = append(codes, g.code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// render prints the counts, the group with the oldest letter first.
func (t *tally) render(out io.Writer, now time.Time) {
	w := table.NewWriter()
	w.SetOutputMirror(out)
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	w.Style().Format.Footer = text.FormatDefault
	w.SetColumnConfigs([]table.ColumnConfig{
		{Number: 3, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight},
		{Number: 5, Align: text.AlignRight, AlignHeader: text.AlignRight},
	})
	w.AppendHeader(table.Row{"Code", "Account", "Letters", "Oldest (UTC)", "Age", "Newest (UTC)"})
	order := func(a, b group) int {
		return cmp.Or(t.groups[a].oldest.Compare(t.groups[b].oldest), cmp.Compare(a.code, b.code), cmp.Compare(a.account, b.account))
	}
	for _, g := range slices.SortedFunc(maps.Keys(t.groups), order) {
		s := t.groups[g]
		w.AppendRow(table.Row{g.code, g.account, s.letters, s.oldest.UTC().Format(time.DateTime), age(now.Sub(s.oldest)), s.newest.UTC().Format(time.DateTime)})
	}
	w.AppendFooter(table.Row{"All", "", t.letters})
	w.Render()
}

// age returns a duration in the two units that matter.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
	}
}
