package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"chime-offboarding/internal/local/lambdaserver"
)

const (
	concurrency = 2 // invocations at once

	// redeliverAfter is what a message that is handed back waits in a foreign queue, whose clock is its own.
	redeliverAfter = time.Second

	// pause is between two looks at the source queue.
	pause = 100 * time.Millisecond
)

// run takes everything through and returns an error where somebody is unaccounted for.
func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	if o.seed == 0 {
		return runOnce(ctx, o, out, nil)
	}
	begin := time.Now()
	for n := 0; n < o.runs || time.Since(begin) < o.soak; n++ {
		if err := runOnce(ctx, o, out, newChaos(o.seed)); err != nil {
			return fmt.Errorf("%w; try again with make chaos SEED=%d", err, o.seed)
		}
		o.seed++
	}
	return nil
}

func runOnce(ctx context.Context, o options, out io.Writer, chaos *chaos) (err error) {
	work, err := load(o)
	if err != nil {
		return err
	}
	r := &runner{
		options:  o,
		workload: work,
		initial:  work.directory.Suspended(),
		report:   newReport(out, io.Discard, o.users == 0 && chaos == nil, chaos != nil),
		chaos:    chaos,
	}
	if r.stack, err = start(ctx, o, work, r.report, chaos); err != nil {
		return err
	}
	// The log is opened once the ports are bound: a run that finds them in use leaves the other one's log alone.
	log, err := openLog(o.log)
	if err != nil {
		return errors.Join(err, r.close())
	}
	r.report.log = log
	defer func() { err = errors.Join(err, r.close(), log.Close()) }()
	return r.run(ctx)
}

func openLog(path string) (io.WriteCloser, error) {
	if path == "" {
		path = os.DevNull
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the file for the worker's output: %w", err)
	}
	return log, nil
}

// runner takes a workload through a stack.
type runner struct {
	options
	workload
	*stack
	report  *report
	ledger  ledger
	chaos   *chaos              // nil for none
	initial map[string][]string // who was suspended before, by account
}

func (r *runner) run(ctx context.Context) (err error) {
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = errors.New("interrupted before everybody was accounted for")
		}
	}()
	r.introduce()
	if r.chaos != nil {
		r.chaos.begin()
		defer r.chaos.end()
	}
	if err := r.sendDeliveredOnes(ctx); err != nil {
		return err
	}

	polling, stop := context.WithCancelCause(ctx)
	var mapping sync.WaitGroup
	mapping.Go(func() {
		if err := r.mapping(stop).Run(polling); err != nil {
			stop(err)
		}
	})
	err = r.sendOthers(polling)
	if err == nil {
		err = r.drain(polling)
	}
	if err == nil {
		err = r.account(polling)
	}
	if err == nil && r.keep {
		r.invite()
		<-polling.Done()
	}
	if ctx.Err() == nil && polling.Err() != nil {
		err = context.Cause(polling) // Whatever failed then, it is why.
	}
	stop(nil)
	mapping.Wait()
	return err
}

// mapping returns the event source mapping. A function that cannot do its work ends the run.
func (r *runner) mapping(stop context.CancelCauseFunc) *lambdaserver.Mapping {
	m := &lambdaserver.Mapping{
		Client:      r.queue,
		QueueURL:    r.source,
		Invoke:      r.function.Invoke,
		BatchSize:   10,
		Window:      100 * time.Millisecond,
		Concurrency: concurrency,
		Logger:      slog.New(slog.NewTextHandler(r.report, nil)),
		Observe: func(i lambdaserver.Invocation) {
			r.report.progress(i.Messages - len(i.HandedBack))
			if i.Err != nil && r.chaos == nil {
				stop(fmt.Errorf("invoking the worker: %w", i.Err))
			}
		},
	}
	switch {
	case r.chaos != nil:
		m.BatchSize, m.Concurrency = 100, chaosConcurrency
	case r.users > 0:
		m.BatchSize, m.Window = 1000, 300*time.Millisecond
	}
	if r.speed == 1 {
		m.RedeliverAfter = redeliverAfter
	}
	return m
}

// introduce says what was started.
func (r *runner) introduce() {
	say := r.report.printf
	if r.chaos != nil {
		say("chaos   %s", r.chaos.name)
		return
	}
	if r.speed > 1 {
		say("queue   %s  in memory; its clock runs %d times faster than the wall's, so that nobody waits minutes for a redelivery", r.queueURL, r.speed)
	} else {
		say("queue   %s  yours; what is handed back is delivered again after %v, so that nobody waits minutes for it", r.queueURL, redeliverAfter)
	}
	say("Chime   %s  a stand-in over the accounts and users of %s", r.chimeURL, r.directoryName())
	say("worker  %s  the real binary behind a Lambda Runtime API, at most %d at once", r.worker, concurrency)
	if r.log != "" {
		say("        its output is in %s", r.log)
	}
	say("")
}

func (r *runner) directoryName() string {
	if r.users > 0 {
		return "its own making"
	}
	return r.options.directory
}

// sendDeliveredOnes sends the messages that were delivered before, as long as the queue has nothing else.
func (r *runner) sendDeliveredOnes(ctx context.Context) error {
	for _, s := range r.stories {
		for _, m := range s.messages {
			if m.deliveries == 1 {
				continue
			}
			id, err := r.deliver(ctx, m)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			r.ledger.sent(id, m.body, s.name)
		}
	}
	return nil
}

func (r *runner) sendOthers(ctx context.Context) error {
	for _, s := range r.stories {
		r.report.printf("%s: %s", s.name, plural(len(s.messages), "message"))
		var others []message
		for _, m := range s.messages {
			if m.deliveries == 1 {
				others = append(others, m)
			}
		}
		if r.users > 0 || r.seed > 0 {
			r.report.startProgress(len(others))
		}
		if err := r.sendAll(ctx, others, func(id string, m message) { r.ledger.sent(id, m.body, s.name) }); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// drain waits until the source queue is empty: every message was acknowledged, or moved by the redrive policy.
func (r *runner) drain(ctx context.Context) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		switch n, err := r.waiting(ctx); {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		case n == 0:
			return nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// account prints what became of everybody, and returns an error where it is unknown.
func (r *runner) account(ctx context.Context) error {
	err := r.readLetters(ctx, func(letter types.Message) {
		text := func(name string) string { return aws.ToString(letter.MessageAttributes[name].StringValue) }
		if source := text("SourceMessageId"); source != "" {
			r.ledger.lettered(source, text("ErrorCode"), *letter.Body)
		} else {
			r.ledger.lettered(*letter.MessageId, "", *letter.Body)
		}
	})
	if err != nil {
		return err
	}
	r.ledger.suspended(r.workload.directory.Suspended(), r.initial, r.untouchable)
	accounts, all, missing := r.ledger.totals()
	r.report.finishProgress()
	if r.chaos != nil {
		r.report.printf("%s", r.chaos)
	} else {
		r.report.printf("")
	}
	r.report.table(accounts, all, r.chime.Calls())
	if len(missing)+len(r.ledger.strays) == 0 {
		r.report.printf("Everybody is accounted for: %d requested = %d suspended + %s.", all.asked, all.suspended, plural(all.deadLetters, "dead letter"))
		return nil
	}
	const most = 20
	var wrong []string
	for _, a := range missing {
		wrong = append(wrong, "missing: "+a.String())
	}
	wrong = append(wrong, r.ledger.strays...)
	for _, w := range wrong[:min(most, len(wrong))] {
		r.report.printf("%s", w)
	}
	return fmt.Errorf("%d requested, but %d suspended + %s: %d missing, %d not asked for", all.asked, all.suspended, plural(all.deadLetters, "dead letter"), len(missing), len(r.ledger.strays))
}

// untouchable reports whether the settings keep the worker from suspending a user.
func (r *runner) untouchable(account, user string) bool {
	settings := r.workload.settings
	allowed, protected := settings["ALLOWED_ACCOUNT_IDS"], strings.Split(settings["PROTECTED_USER_IDS"], ",")
	return allowed != "*" && !slices.Contains(strings.Split(allowed, ","), account) ||
		slices.ContainsFunc(protected, func(id string) bool { return strings.EqualFold(id, user) })
}

// invite says how to go on by hand, with somebody of this world as an example.
func (r *runner) invite() {
	example := ask{account: "acme-enterprise", user: "donald-knuth"}
	if r.users > 0 {
		example = r.ledger.asks[0]
	}
	r.report.perUser()
	r.report.printf(`
Still up: what arrives is shown here, until Ctrl-C. In another terminal:

export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=%[1]s
aws sqs send-message --endpoint-url %[2]s --queue-url %[3]s --message-body '{"accountId": "%[6]s", "userId": "%[7]s"}'
aws sqs receive-message --endpoint-url %[2]s --queue-url %[4]s --message-attribute-names All --max-number-of-messages 10
aws chime list-users --endpoint-url %[5]s --account-id %[6]s
aws chime batch-unsuspend-user --endpoint-url %[5]s --account-id %[6]s --user-id-list %[7]s
go run ./cmd/deadletters list -queue-url %[4]s
go run ./cmd/deadletters redrive -queue-url %[4]s -source-queue-url %[3]s -code NotFound
`, region, r.queueURL, r.source, r.letters, r.chimeURL, example.account, example.user)
}
