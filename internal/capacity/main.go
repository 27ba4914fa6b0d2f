// Command capacity plans past what one machine can try: it simulates the queue, the event source mapping, the worker and
// Chime for a load and settings, and prints how long it takes, what it calls and what it costs. docs/capacity.md says what is
// modelled, what is measured and what is assumed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	p := standard
	flags := flag.NewFlagSet("capacity", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // A mistake gets one line, not the list of all flags.
	docs := flags.String("docs", "", "`folder` with capacity.md: write its tables and plots instead")
	flags.IntVar(&p.Requests, "requests", p.Requests, "`number` of messages, each for one user")
	flags.DurationVar(&p.Over, "over", p.Over, "`duration` in which they are sent, evenly; 0 for all at once")
	flags.IntVar(&p.Accounts, "accounts", p.Accounts, "`number` of Chime accounts, each with half of what the ones before it have left")
	flags.IntVar(&p.BatchSize, "batch-size", p.BatchSize, "`messages` an event has at most")
	flags.DurationVar(&p.Window, "window", p.Window, "`duration` for which a batch is gathered at most")
	flags.IntVar(&p.MaximumConcurrency, "maximum-concurrency", p.MaximumConcurrency, "`number` of invocations at once; 0 for no maximum")
	flags.IntVar(&p.MemorySize, "memory-size", p.MemorySize, "`MB` of the function")
	flags.DurationVar(&p.Timeout, "timeout", p.Timeout, "`duration` of the function at most")
	flags.IntVar(&p.ChimeConcurrency, "chime-concurrency", p.ChimeConcurrency, "`number` of calls that an invocation has in flight at once")
	flags.IntVar(&p.MaxReceiveCount, "max-receive-count", p.MaxReceiveCount, "`number` of deliveries of a message")
	flags.IntVar(&p.UsersPerCall, "users-per-call", p.UsersPerCall, "`number` of users of a call at most")
	flags.DurationVar(&p.Latency, "latency", p.Latency, "`duration` until Chime answers")
	flags.Float64Var(&p.Limit, "limit", p.Limit, "`calls` a second that Chime takes before it throttles; 0 for any number")
	flags.DurationVar(&p.Outage, "outage", p.Outage, "`duration` from the beginning in which Chime throttles every call")
	flags.Float64Var(&p.ReceiveRate, "receive-rate", p.ReceiveRate, "`calls` of ReceiveMessage that a poller makes a second")
	flags.Float64Var(&p.LambdaRequest, "price-request", p.LambdaRequest, "`dollars` for an invocation")
	flags.Float64Var(&p.LambdaGBSecond, "price-gb-second", p.LambdaGBSecond, "`dollars` for a second of an invocation with 1 GB")
	flags.Float64Var(&p.SQSRequest, "price-sqs-request", p.SQSRequest, "`dollars` for a request of SQS")
	flags.Float64Var(&p.LogGB, "price-log-gb", p.LogGB, "`dollars` for taking in 1 GB of logs")
	flags.Uint64Var(&p.Seed, "seed", p.Seed, "`number` that the random waits and batches are drawn from")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		flags.Usage()
		return err
	case err != nil:
		return fmt.Errorf("%w: see -help", err)
	case *docs != "":
		return write(*docs, out)
	}
	if err := p.check(); err != nil {
		return err
	}
	results := simulateAll([]Plan{p})
	for _, m := range outcome {
		fmt.Fprintf(out, "%-28s %s\n", m.name, m.show(p, results[p]))
	}
	return nil
}

// outcome is what is shown of one plan.
var outcome = []measure{
	{"everybody is done after", nil, drained},
	{"half are locked out within", nil, half},
	{"the last one within", nil, slowest},
	{"events", nil, invocations},
	{"the longest", nil, longest},
	{"calls", nil, called},
	{"attempts in one second", nil, peak},
	{"attempts throttled", nil, refused},
	{"messages handed back", nil, returned},
	{"dead letters", nil, letters},
	{"too old, and deleted", nil, expired},
	{"SQS requests", nil, sqsRequests},
	{"GB-seconds", nil, gbSeconds},
	{"cost", nil, cost},
	{"  of it Lambda requests", nil, func(p Plan, r Result) string { return dollars(p.Bill(r).Requests) }},
	{"  Lambda duration", nil, func(p Plan, r Result) string { return dollars(p.Bill(r).Duration) }},
	{"  SQS", nil, func(p Plan, r Result) string { return dollars(p.Bill(r).Queue) }},
	{"  logs", nil, func(p Plan, r Result) string { return dollars(p.Bill(r).Logs) }},
}
