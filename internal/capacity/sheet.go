package main

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"chime-offboarding/internal/parallel"
)

// sheet is a table of what comes of choices.
type sheet struct {
	name     string // its place in docs/capacity.md
	about    string // what is chosen
	choices  []choice
	measures []measure
}

// choice is a row: a plan.
type choice struct {
	label string
	plan  Plan
}

// measure is a column: what is tried with a plan, and what of the result is shown.
type measure struct {
	name string
	try  func(p Plan) Plan
	show func(p Plan, r Result) string
}

// simulateAll runs plans side by side, each once.
func simulateAll(plans []Plan) map[Plan]Result {
	results := make(map[Plan]Result)
	next := func() (Plan, bool) {
		for len(plans) > 0 {
			p := plans[0]
			plans = plans[1:]
			if _, begun := results[p]; !begun {
				results[p] = Result{}
				return p, true
			}
		}
		return Plan{}, false
	}
	parallel.Do(runtime.GOMAXPROCS(0), next, Simulate, func(p Plan, r Result) { results[p] = r })
	return results
}

// plans are those that the sheet needs.
func (s sheet) plans() []Plan {
	var plans []Plan
	for _, c := range s.choices {
		for _, m := range s.measures {
			plans = append(plans, m.try(c.plan))
		}
	}
	return plans
}

// table returns the sheet filled in.
func (s sheet) table(results map[Plan]Result) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	header := table.Row{s.about}
	var right []table.ColumnConfig
	for i, m := range s.measures {
		header = append(header, m.name)
		right = append(right, table.ColumnConfig{Number: i + 2, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(right)
	for _, c := range s.choices {
		line := table.Row{c.label}
		for _, m := range s.measures {
			p := m.try(c.plan)
			line = append(line, m.show(p, results[p]))
		}
		t.AppendRow(line)
	}
	return t
}

// What is tried.
func asPlanned(p Plan) Plan { return p }

func unthrottled(p Plan) Plan {
	p.Limit = 0
	return p
}

func throttledAt(callsASecond float64) func(Plan) Plan {
	return func(p Plan) Plan {
		p.Requests, p.Limit = 1_000_000, callsASecond
		return p
	}
}

// oneByOne has so few leavers that each is alone.
func oneByOne(p Plan) Plan {
	p.Requests, p.Over = 100, 24*time.Hour
	return p
}

// What is shown.
func drained(_ Plan, r Result) string     { return duration(r.Drained) }
func half(_ Plan, r Result) string        { return duration(r.Half) }
func longest(_ Plan, r Result) string     { return duration(r.Longest) }
func invocations(_ Plan, r Result) string { return number(r.Invocations) }
func called(_ Plan, r Result) string      { return number(r.Calls) }
func refused(_ Plan, r Result) string     { return number(r.Throttled) }
func returned(_ Plan, r Result) string    { return number(r.Returned) }
func letters(_ Plan, r Result) string     { return number(r.Letters) }
func expired(_ Plan, r Result) string     { return number(r.Expired) }
func peak(_ Plan, r Result) string        { return number(r.Peak) }
func sqsRequests(_ Plan, r Result) string { return number(r.Receives + r.Batches) }
func gbSeconds(_ Plan, r Result) string   { return number(int(math.Ceil(r.GBSeconds))) }
func cost(p Plan, r Result) string        { return dollars(p.Bill(r).Total()) }

// number writes thousands apart.
func number(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 10*time.Minute:
		return fmt.Sprintf("%.1f min", d.Minutes())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 2*day:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	return fmt.Sprintf("%.1f days", d.Hours()/day.Hours())
}

// dollars writes cents, or of less two digits.
func dollars(x float64) string {
	digits := 2
	if 0 < x && x < 0.01 {
		digits = 1 - int(math.Floor(math.Log10(x)))
	}
	return fmt.Sprintf("$%.*f", digits, x)
}
