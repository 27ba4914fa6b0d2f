package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/time/rate"

	"chime-offboarding/internal/failure"
)

// state is how far a letter has come that is to be removed.
type state int

const (
	untouched state = iota + 1 // Unlike the zero value, which is of a letter that is not meant.
	waiting                    // in the batch
	safe                       // elsewhere, and so to be deleted here
	deleted
	refused   // by what has to be done before
	uncertain // whether it is safe: there was no answer
)

// removal takes letters out of the queue, each after what has to be done before was done. The letters are those that an
// earlier reading saw: what comes back in the meantime is a new letter, and is left alone.
type removal struct {
	*queue

	letters map[string]state // by message ID
	before  func(ctx context.Context, batch []letter) []error
	limit   *rate.Limiter
	bar     *bar

	batch    []letter
	size     int // of the batch's bodies, in bytes
	open     int // letters that are untouched or waiting
	problems map[string]error
}

// run returns an error where the queue could not be worked through. What has become of each letter is in letters.
func (r *removal) run(ctx context.Context) error {
	r.open = len(r.letters)
	r.problems = make(map[string]error)
	return r.read(ctx, func(letters []letter) (meant bool, err error) {
		meant, err = r.take(ctx, letters)
		if err == nil && (len(letters) == 0 || len(r.batch) == r.open) {
			err = r.flush(ctx)
		}
		if err == nil && r.open == 0 {
			err = errEnough
		}
		return meant, err
	})
}

// take puts letters into the batch, after handling it where it is full, and reports whether any is meant.
func (r *removal) take(ctx context.Context, letters []letter) (meant bool, err error) {
	var again []letter
	for _, l := range letters {
		switch r.letters[l.MessageID] {
		case untouched:
			meant = true
			if len(r.batch) == maxEntries || r.size+len(l.Body) > maxBytes {
				if err := r.flush(ctx); err != nil {
					return meant, err
				}
			}
			r.letters[l.MessageID] = waiting
			r.batch = append(r.batch, l)
			r.size += len(l.Body)
		case waiting: // Only the latest receipt handle is good for a deletion.
			r.batch[slices.IndexFunc(r.batch, func(b letter) bool { return b.MessageID == l.MessageID })] = l
		case safe, deleted: // The deletion failed, or a server of SQS's missed it.
			again = append(again, l)
		default: // It is not meant, or stays.
		}
	}
	return meant, r.remove(context.WithoutCancel(ctx), again)
}

// flush handles the batch. Once begun it is not interrupted.
func (r *removal) flush(ctx context.Context) error {
	batch := r.batch
	r.batch, r.size = nil, 0
	for _, l := range batch {
		r.letters[l.MessageID] = untouched
	}
	if r.limit.WaitN(ctx, len(batch)) != nil {
		return errInterrupted
	}
	// A machine may have slept. A letter that others may have by now is left to them, or comes once more.
	now := r.now().Round(0)
	batch = slices.DeleteFunc(batch, func(l letter) bool { return now.Sub(l.received) > visibility/2 })
	if len(batch) == 0 {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	var done []letter
	var stop error
	for i, err := range r.before(ctx, batch) {
		id := batch[i].MessageID
		r.open--
		_, whole := errors.AsType[*callError](err)
		switch status := failure.Status(err); {
		case err == nil:
			r.letters[id] = safe
			done = append(done, batch[i])
		case whole && (status < 400 || status >= 500):
			r.letters[id], stop = uncertain, fmt.Errorf("sending letters: %w", err)
		case whole:
			r.letters[id], stop = refused, fmt.Errorf("sending letters: %w", err)
		default:
			r.letters[id], r.problems[id] = refused, err
		}
	}
	if err := r.remove(ctx, done); err != nil {
		return err
	}
	return stop
}

// remove deletes letters that are safe. What fails is tried twice: it would stay, and be doubled.
func (r *removal) remove(ctx context.Context, letters []letter) error {
	for range 2 {
		if len(letters) == 0 {
			return nil
		}
		var left []letter
		for i, err := range r.delete(ctx, letters) {
			id := letters[i].MessageID
			if _, whole := errors.AsType[*callError](err); whole {
				return fmt.Errorf("deleting letters: %w", err)
			}
			if err != nil {
				left = append(left, letters[i])
				r.problems[id] = fmt.Errorf("deleting it: %w", err)
				continue
			}
			if r.letters[id] != deleted {
				r.bar.add(1)
			}
			r.letters[id] = deleted
			delete(r.problems, id)
			delete(r.held, id)
		}
		letters = left
	}
	return nil
}

// in returns the IDs of the letters that are in one of the states, in order.
func (r *removal) in(states ...state) []string {
	var ids []string
	for id, s := range r.letters {
		if slices.Contains(states, s) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// report says what has become of the letters, and returns the error of the run as it ends the program.
func (r *removal) report(err error, past string) error {
	r.bar.finish()
	for _, id := range slices.Sorted(maps.Keys(r.problems)) {
		r.notef("%s: %v", id, r.problems[id])
	}
	gone := len(r.in(deleted))
	if n := len(r.in(uncertain)); n > 0 {
		r.notef("%s may have been %s although there was no answer, and still be here, too.", plural(n, "letter"), past)
	}
	if n := len(r.in(untouched, waiting)); n > 0 && err == nil {
		r.notef("%s not received again, or held for too long: somebody else has them, or this machine slept. Look again.", plural(n, "letter"))
	}
	switch {
	case gone == len(r.letters):
		return nil
	case err == nil:
		err = errors.New("not all letters were " + past)
	}
	err = fmt.Errorf("%d of %s %s: %w", gone, plural(len(r.letters), "letter"), past, err)
	if gone+len(r.in(safe, uncertain)) > 0 {
		err = &exitError{err, exitPart}
	}
	return err
}
