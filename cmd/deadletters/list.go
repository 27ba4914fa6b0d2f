package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"
)

// survey reads the queue once and gives each letter that matches to take. Where it saw only a part of the queue, it returns
// the tally of that with errTooMany.
func (p *program) survey(ctx context.Context, q *queue, s selection, bar *bar, take func(*letter) error) (*tally, error) {
	matching, all := newTally(), newTally()
	begin := p.now()
	err := q.read(ctx, func(letters []letter) (bool, error) {
		for i := range letters {
			l := &letters[i]
			if l.again {
				continue
			}
			bar.add(1)
			all.add(l)
			if !s.matches(l, begin) {
				continue
			}
			matching.add(l)
			if err := take(l); err != nil {
				return false, err
			}
		}
		return false, nil
	})
	bar.finish()
	if err == nil && all.letters < q.visible {
		p.notef("The queue had counted about %s, and %d came. Look again in %v if they have to be all.", plural(q.visible, "letter"), all.letters, visibility)
	}
	switch {
	case err != nil && (!errors.Is(err, errTooMany) || matching.letters == 0):
		return nil, err
	case all.letters == 0:
		return nil, &exitError{errors.New("the queue has no letters"), exitNothing}
	case matching.letters == 0:
		p.notef("The queue has only these:")
		all.render(p.err, p.now())
		return nil, &exitError{errors.New("no letter matches"), exitNothing}
	case err != nil:
		err = &exitError{err, exitPart}
	}
	return matching, err
}

// list counts the letters.
func (p *program) list(ctx context.Context, cmd *cli.Command) error {
	s, err := readSelection(cmd)
	if err := usage(err, checkQueueFlags(cmd)); err != nil {
		return err
	}
	q, err := p.open(ctx, cmd)
	if err != nil {
		return err
	}
	t, err := p.survey(ctx, q, s, p.newBar("letters read", q.visible), func(*letter) error { return nil })
	if t == nil {
		return err
	}
	t.render(p.out, p.now())
	if q.retention > 0 {
		fmt.Fprintf(p.out, "The queue deletes the oldest of them in %s.\n", age(q.retention-p.now().Sub(t.kept)))
	}
	return err
}

// show prints the letters as lines of JSON.
func (p *program) show(ctx context.Context, cmd *cli.Command) error {
	s, err := readSelection(cmd)
	if err := usage(err, checkQueueFlags(cmd)); err != nil {
		return err
	}
	q, err := p.open(ctx, cmd)
	if err != nil {
		return err
	}
	_, err = p.survey(ctx, q, s, nil, func(l *letter) error {
		line, err := l.line()
		if err != nil {
			return err
		}
		if _, err := p.out.Write(line); err != nil {
			return fmt.Errorf("writing the letters: %w", err)
		}
		return nil
	})
	return err
}
