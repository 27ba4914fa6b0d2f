package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
	"golang.org/x/time/rate"
)

// defaultRate is how many letters are sent a second. Where they are for one account, that is one full BatchSuspendUser call
// a second (https://docs.aws.amazon.com/chime/latest/APIReference/API_BatchSuspendUser.html); each account more is one call
// more. The template's mapping, with 1,000 messages an event, keeps pace, and the requests of the day come through.
const defaultRate = 50

func redriveFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "source-queue-url", Usage: "`URL` of the queue to send to; by default the stack's, or the one whose redrive policy names the dead-letter queue"},
		&cli.IntFlag{Name: "rate", Usage: "letters to send a second, a `NUMBER` from 1", Value: defaultRate},
		&cli.BoolFlag{Name: "yes", Usage: "send them; without it nothing is sent or deleted"},
	}
}

// advice says what has to be mended before letters with the code are redriven, or nothing where waiting is enough.
func advice(code string) string {
	switch code {
	case "Throttled", "Throttling", "ThrottledClient", "ServiceUnavailable", "ServiceFailure", "Conflict", "RequestFailed", "Unattributed":
		return ""
	case none:
		return "no reason is known here. If the queue moved them, the function failed at each delivery: look at its log first"
	case "InvalidRequest":
		return "the worker will refuse them again. Have the sender correct and resend them, and discard these"
	case "AccountNotAllowed":
		return "they come straight back unless ALLOWED_ACCOUNT_IDS has the account by now"
	case "ProtectedUser":
		return "they come straight back unless the user is out of PROTECTED_USER_IDS by now"
	case "DryRun":
		return "they come straight back unless DRY_RUN is false by now"
	case "NotFound":
		return "they come back unless the ID exists by now. A Team user who was suspended before is not found either"
	case "DeadlineExceeded":
		return "they may come back unless the function has more time by now, or smaller batches"
	case "Forbidden", "UnauthorizedClient", "AccessDenied", "ExpiredToken":
		return "they come back unless the function's role, or the account's ties to this AWS account, were mended"
	default:
		return "they come back unless the cause was mended: see docs/reference.md"
	}
}

// redrive sends letters to the source queue and deletes each that was taken there.
func (p *program) redrive(ctx context.Context, cmd *cli.Command) error {
	s, err := readRemoval(cmd)
	problems := []error{err, checkQueueFlags(cmd)}
	given := cmd.String("source-queue-url")
	if cmd.IsSet("source-queue-url") {
		problems = append(problems, checkQueueURL("source-queue-url", given))
	}
	perSecond := cmd.Int("rate")
	if perSecond < 1 {
		problems = append(problems, fmt.Errorf("-rate: %d is too few: give at least 1 a second", perSecond))
	}
	if err := usage(problems...); err != nil {
		return err
	}
	q, err := p.open(ctx, cmd)
	if err != nil {
		return err
	}
	source, arn, maxSize, err := q.findSource(ctx, given)
	if err != nil {
		return err
	}

	letters, foreign := make(map[string]state), 0
	t, partial := p.survey(ctx, q, s, p.newBar("letters read", q.visible), func(l *letter) error {
		letters[l.MessageID] = untouched
		if l.SourceQueueARN != "" && l.SourceQueueARN != arn {
			foreign++
		}
		return nil
	})
	if t == nil {
		return partial
	}
	t.render(p.out, p.now())
	for _, code := range t.codes() {
		if advice := advice(code); advice != "" {
			p.notef("%s: %s.", code, advice)
		}
	}
	if foreign > 0 {
		p.notef("%s came from another queue than %s: make sure that it is the right one.", plural(foreign, "letter"), source)
	}
	if !cmd.Bool("yes") {
		takes := time.Duration(t.letters/perSecond) * time.Second
		fmt.Fprintf(p.out, "Dry run: nothing was sent. To send %s to %s, which takes about %s:\n\n%s\n",
			plural(t.letters, "letter"), source, age(takes), p.commandLine(slices.Concat(p.args[1:], []string{"-yes"})...))
		return partial
	}

	r := &removal{
		queue:   q,
		letters: letters,
		limit:   rate.NewLimiter(rate.Limit(perSecond), maxEntries),
		bar:     p.newBar("letters redriven", len(letters)),
		before: func(ctx context.Context, batch []letter) []error {
			return q.sendFitting(ctx, source, maxSize, batch)
		},
	}
	err = r.report(r.run(ctx), "redriven")
	if doubled := r.in(safe); len(doubled) > 0 {
		p.notef("%s sent but not deleted, and so in both queues. To delete:\n\n%s\n", plural(len(doubled), "letter"),
			p.commandLine("discard", "-queue-url", q.url, "-id", strings.Join(doubled, ",")))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s redriven to %s. What fails again comes back as a new letter: look with list in a few minutes.\n", plural(len(letters), "letter"), source)
	return partial
}

// sendFitting sends the letters that the source queue can take. One that is too large would have the others refused.
func (q *queue) sendFitting(ctx context.Context, source string, maxSize int, batch []letter) []error {
	errs := make([]error, len(batch))
	var fitting []letter
	var places []int
	for i, l := range batch {
		if len(l.Body) > maxSize {
			errs[i] = fmt.Errorf("its body of %d bytes is more than the %d that the source queue takes: raise its MaximumMessageSize", len(l.Body), maxSize)
			continue
		}
		fitting, places = append(fitting, l), append(places, i)
	}
	if len(fitting) == 0 {
		return errs
	}
	for i, err := range q.send(ctx, source, fitting) {
		errs[places[i]] = err
	}
	return errs
}

// readRemoval reads the selection of a command that removes letters, where everything has to be asked for.
func readRemoval(cmd *cli.Command) (selection, error) {
	s, err := readSelection(cmd)
	switch all := cmd.Bool("all"); {
	case err != nil:
	case all && !s.empty():
		err = errors.New("-all does not go with a selection: give one of them")
	case !all && s.empty():
		err = errors.New("which letters? give -code, -account, -user, -id, -older-than or -newer-than, or -all for every letter")
	}
	return s, err
}
