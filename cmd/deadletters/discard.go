package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"
	"golang.org/x/time/rate"
)

func discardFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "file", Usage: "`PATH` of a new file for the letters (default: discarded-TIME.jsonl in this folder)"},
		&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
	}
}

// discard deletes letters for good, once they are in a file.
func (p *program) discard(ctx context.Context, cmd *cli.Command) (err error) {
	s, err := readRemoval(cmd)
	problems := []error{err, checkQueueFlags(cmd)}
	if !cmd.Bool("yes") && !p.asks {
		problems = append(problems, errors.New("there is no terminal to ask at: give -yes"))
	}
	if err := usage(problems...); err != nil {
		return err
	}
	q, err := p.open(ctx, cmd)
	if err != nil {
		return err
	}
	path := cmd.String("file")
	if path == "" {
		path = p.now().UTC().Format("discarded-20060102T150405Z.jsonl")
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("creating the file for the letters: %w: give another with -file", err)
	}
	begun := false
	defer func() {
		if !begun {
			err = errors.Join(err, os.Remove(path))
		}
	}()

	letters, t, partial := p.record(ctx, q, s, file)
	if t == nil {
		return partial
	}
	t.render(p.out, p.now())
	fmt.Fprintf(p.out, "They are written to %s.\n", path)
	if !cmd.Bool("yes") {
		if err := p.confirm(ctx, t.letters); err != nil {
			return err
		}
	}

	begun = true
	r := &removal{
		queue:   q,
		letters: letters,
		limit:   rate.NewLimiter(rate.Inf, maxEntries),
		bar:     p.newBar("letters discarded", len(letters)),
		before:  func(_ context.Context, batch []letter) []error { return make([]error, len(batch)) },
	}
	if err := r.report(r.run(ctx), "discarded"); err != nil {
		return fmt.Errorf("%w; all are in %s", err, path)
	}
	fmt.Fprintf(p.out, "%s discarded.\n", plural(len(letters), "letter"))
	return partial
}

// record writes the letters that match to the file, closes it, and returns them once they are on disk.
func (p *program) record(ctx context.Context, q *queue, s selection, file *os.File) (map[string]state, *tally, error) {
	letters := make(map[string]state)
	out := bufio.NewWriter(file)
	t, partial := p.survey(ctx, q, s, p.newBar("letters read", q.visible), func(l *letter) error {
		letters[l.MessageID] = untouched
		line, err := l.line()
		if err != nil {
			return err
		}
		_, err = out.Write(line)
		return err //nolint:wrapcheck // Flush returns it again.
	})
	if err := errors.Join(out.Flush(), file.Sync(), file.Close()); err != nil {
		return nil, nil, fmt.Errorf("writing the letters: %w: nothing was discarded", err)
	}
	return letters, t, partial
}

// confirm has the number of letters typed.
func (p *program) confirm(ctx context.Context, n int) error {
	fmt.Fprintf(p.err, "Type %d to discard %s for good: ", n, plural(n, "letter"))
	typed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(p.in).ReadString('\n') // Where it ends without a new line, what was typed counts.
		typed <- line
	}()
	select {
	case <-ctx.Done():
		return errInterrupted
	case line := <-typed:
		if strings.TrimSpace(line) != strconv.Itoa(n) {
			return errors.New("nothing was discarded")
		}
		return nil
	}
}
