package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// sheets are the tables of docs/capacity.md.
func sheets() []sheet {
	tutorial := standard.tutorial()
	free := noMaximum(tutorial)
	return []sheet{
		{
			"waves", "Requests at once", waves(standard),
			[]measure{
				{"all done", asPlanned, drained}, {"half done", asPlanned, half}, {"all done, no limit", unthrottled, drained},
				{"events", asPlanned, invocations}, {"calls", asPlanned, called}, {"SQS requests", asPlanned, sqsRequests},
				{"GB-seconds", asPlanned, gbSeconds}, {"dead letters", asPlanned, letters}, {"cost", asPlanned, cost},
			},
		},
		{
			"one-call", "Requests at once", waves(unthrottled(tutorial)),
			[]measure{
				{"calls", noMaximum, called}, {"GB-seconds", noMaximum, gbSeconds}, {"cost", noMaximum, cost},
				{"all done, two at once", asPlanned, drained}, {"lost", asPlanned, expired},
				{"all done, no maximum", noMaximum, drained}, {"calls in one second", noMaximum, peak},
			},
		},
		{
			"throttled", "Handler", []choice{
				{"this worker", standard},
				{"one call a message, two at once", tutorial},
				{"one call a message, no MaximumConcurrency", free},
			},
			[]measure{
				{"all done", asPlanned, drained}, {"calls", asPlanned, called}, {"attempts throttled", asPlanned, refused},
				{"GB-seconds", asPlanned, gbSeconds}, {"dead letters", asPlanned, letters}, {"cost", asPlanned, cost},
			},
		},
		{
			"batch", "BatchSize and window", []choice{
				batched(10, 0), batched(100, 1), batched(1000, 1), batched(1000, 5), batched(10_000, 5), batched(10_000, 20),
			},
			[]measure{
				{"a single leaver", oneByOne, slowest}, {"all done", asPlanned, drained}, {"events", asPlanned, invocations},
				{"longest event", asPlanned, longest}, {"calls", asPlanned, called}, {"cost", asPlanned, cost},
				{"letters of 1,000,000 at 2 a second", throttledAt(2), letters},
			},
		},
		{
			"concurrency", "MaximumConcurrency × CHIME_CONCURRENCY", []choice{concurrent(2, 2), concurrent(5, 2), concurrent(10, 2), concurrent(50, 2)},
			[]measure{
				{"calls in flight at most", asPlanned, inFlight}, {"all done, no limit", unthrottled, drained},
				{"all done", asPlanned, drained}, {"attempts throttled", asPlanned, refused}, {"handed back", asPlanned, returned},
				{"cost", asPlanned, cost},
			},
		},
		{
			"letters", "MaximumConcurrency × CHIME_CONCURRENCY", []choice{
				concurrent(2, 1), concurrent(2, 2), concurrent(2, 4), concurrent(5, 4), concurrent(10, 4),
			},
			[]measure{
				{"2 calls a second", throttledAt(2), letters}, {"5", throttledAt(5), letters}, {"10", throttledAt(10), letters},
				{"20", throttledAt(20), letters}, {"all done at 10", throttledAt(10), drained}, {"no limit", throttledAt(0), drained},
			},
		},
		{
			"memory", "MemorySize", []choice{sized(128), sized(256), sized(512), sized(1024), sized(memoryOfCore)},
			[]measure{
				{"a single leaver", oneByOne, slowest}, {"all done, no limit", unthrottled, drained}, {"longest event", unthrottled, longest},
				{"GB-seconds", unthrottled, gbSeconds}, {"Lambda duration", unthrottled, func(p Plan, r Result) string { return dollars(p.Bill(r).Duration) }},
			},
		},
		{
			"timeout", "Timeout", []choice{timed(15), timed(30), timed(60), timed(120)},
			[]measure{
				{"longest event", throttledAt(2), longest}, {"handed back", throttledAt(2), returned}, {"dead letters", throttledAt(2), letters},
			},
		},
		{
			"assumptions", "What is otherwise", []choice{
				{"nothing", standard},
				assuming("Chime takes 2 calls a second", func(p *Plan) { p.Limit = 2 }),
				assuming("Chime takes 5 calls a second", func(p *Plan) { p.Limit = 5 }),
				assuming("Chime takes 20 calls a second", func(p *Plan) { p.Limit = 20 }),
				assuming("Chime answers in 50 ms", func(p *Plan) { p.Latency = 50 * time.Millisecond }),
				assuming("Chime answers in 1 s", func(p *Plan) { p.Latency = time.Second }),
				assuming("a poller receives 10 times a second", func(p *Plan) { p.ReceiveRate = 10 }),
				assuming("a poller receives 200 times a second", func(p *Plan) { p.ReceiveRate = 200 }),
				assuming("one account", func(p *Plan) { p.Accounts = 1 }),
				assuming("an outage of Chime of 5 minutes", func(p *Plan) { p.Outage = 5 * time.Minute }),
				assuming("an outage of Chime of 30 minutes", func(p *Plan) { p.Outage = 30 * time.Minute }),
			},
			[]measure{
				{"all done", asPlanned, drained}, {"all done, no limit", unthrottled, drained}, {"events", asPlanned, invocations},
				{"calls", asPlanned, called}, {"dead letters", asPlanned, letters}, {"cost", asPlanned, cost},
			},
		},
		{
			"month", "Leavers a day", []choice{daily(1), daily(10), daily(100), daily(1000), daily(10_000)},
			[]measure{
				{"locked out within", asPlanned, slowest},
				{"Lambda", asPlanned, monthly(func(p Plan, r Result) float64 { return p.Bill(r).Requests + p.Bill(r).Duration })},
				{"SQS", asPlanned, monthly(func(p Plan, r Result) float64 { return p.Bill(r).Queue })},
				{"logs", asPlanned, monthly(func(p Plan, r Result) float64 { return p.Bill(r).Logs })},
				{"polling the empty queue", asPlanned, monthly(func(p Plan, _ Result) float64 { return p.SQSRequest * idlePolls(24*time.Hour) })},
				{"metrics", asPlanned, monthly(func(p Plan, _ Result) float64 { return metrics * p.Metric / daysOfMonth })},
			},
		},
	}
}

// waves are choices of how many requests come at once.
func waves(p Plan) []choice {
	var choices []choice
	for p.Requests = 1; p.Requests <= 10_000_000; p.Requests *= 10 {
		choices = append(choices, choice{number(p.Requests), p})
	}
	return choices
}

func assuming(label string, change func(p *Plan)) choice {
	p := standard
	change(&p)
	return choice{label, p}
}

func batched(size, seconds int) choice {
	return assuming(fmt.Sprintf("%s, %d s", number(size), seconds), func(p *Plan) { p.BatchSize, p.Window = size, time.Duration(seconds)*time.Second })
}

func concurrent(events, calls int) choice {
	return assuming(fmt.Sprintf("%d × %d", events, calls), func(p *Plan) { p.MaximumConcurrency, p.ChimeConcurrency = events, calls })
}

func sized(memory int) choice {
	return assuming(number(memory)+" MB", func(p *Plan) { p.MemorySize = memory })
}

func timed(seconds int) choice {
	return assuming(fmt.Sprintf("%d s", seconds), func(p *Plan) { p.Timeout = time.Duration(seconds) * time.Second })
}

func daily(leavers int) choice {
	return assuming(number(leavers), func(p *Plan) { p.Requests, p.Over = leavers, 24*time.Hour })
}

func noMaximum(p Plan) Plan {
	p.MaximumConcurrency = 0
	return p
}

func inFlight(p Plan, _ Result) string { return number(p.MaximumConcurrency * p.ChimeConcurrency) }
func slowest(_ Plan, r Result) string  { return duration(r.Slowest) }

func monthly(daily func(p Plan, r Result) float64) func(p Plan, r Result) string {
	return func(p Plan, r Result) string { return dollars(daysOfMonth * daily(p, r)) }
}

// files returns what docs/capacity.md and its plots should be, by name, and the tables for a terminal.
func files(document string) (files map[string]string, tables string, err error) {
	all := sheets()
	var plans []Plan
	for _, s := range all {
		if _, _, err := place(document, s.name); err != nil {
			return nil, "", err
		}
		plans = append(plans, s.plans()...)
	}
	for _, l := range lines {
		for _, c := range l.waves {
			plans = append(plans, c.plan)
		}
	}
	results := simulateAll(plans)
	var shown strings.Builder
	for _, s := range all {
		t := s.table(results)
		fmt.Fprintln(&shown, t.Render())
		before, after, _ := place(document, s.name)
		document = before + t.RenderMarkdown() + after
	}
	files, err = plots(results)
	if err != nil {
		return nil, "", err
	}
	files["capacity.md"] = document
	return files, shown.String(), nil
}

// place returns what stands before and after the place of a table in the document.
func place(document, name string) (before, after string, err error) {
	begin, end := "<!-- make capacity writes "+name+" -->\n", "\n<!-- end of "+name+" -->"
	start, stop := strings.Index(document, begin), strings.Index(document, end)
	if start < 0 || stop < start {
		return "", "", fmt.Errorf("writing the table %s: the document has no place for it: put in the lines %q and %q", name, begin, end)
	}
	return document[:start+len(begin)], document[stop:], nil
}

// write brings docs/capacity.md and its plots up to date and shows the tables.
func write(folder string, out io.Writer) error {
	document, err := os.ReadFile(filepath.Join(folder, "capacity.md"))
	if err != nil {
		return fmt.Errorf("reading the document: %w: name the folder with capacity.md", err)
	}
	files, tables, err := files(string(document))
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			return fmt.Errorf("writing what make capacity writes: %w: see that the folder can be written to", err)
		}
	}
	fmt.Fprint(out, tables)
	return nil
}
