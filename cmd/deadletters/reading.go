package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"chime-offboarding/internal/failure"
	"chime-offboarding/internal/parallel"
)

// visibility is how long letters stay invisible where this process is killed and cannot make them visible again. It outlasts
// the reading of as many letters as can be held, which takes minutes.
const visibility = 15 * time.Minute

// pace is how a queue is read.
type pace struct {
	calls   int   // receives under way at once, and in the end calls that make letters visible
	wait    int32 // seconds that a receive waits for a letter
	maxHeld int   // letters that are invisible at once because of this process
}

// careful is the pace of the program. A receive that waits asks all of SQS's servers, one that does not only some
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html). About
// 120,000 messages of a queue can be in flight; at that limit a receive that waits gets no error, but nothing
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html). So it is not reached.
var careful = pace{calls: 8, wait: 1, maxHeld: 100_000}

var (
	errEnough      = errors.New("nothing more is wanted")
	errInterrupted = errors.New("interrupted: what was not done yet is as it was")
	errTooMany     = errors.New("the queue has more letters than can be in flight at once, and only some were seen: redrive or discard these, and look again")
)

// read receives the letters and gives them to visit, ten at most at a time and none where nothing more came for now. It ends
// when visit returns errEnough or the queue is read: when none of the receives under way brings anything. While letters
// arrive that would never be. So once there were as many as the queue counted, less than ten are as good as none, unless
// visit asks for more.
//
// What was received and is still held is visible again in the end, whatever has happened. Calls under way are not
// interrupted: the letters of a receive would be lost to everybody for a while.
func (q *queue) read(ctx context.Context, visit func([]letter) (more bool, err error)) error {
	type answer struct {
		letters []letter
		err     error
	}
	uninterrupted := context.WithoutCancel(ctx)
	var err error
	full, idle, seen := false, false, 0
	next := func() (struct{}, bool) {
		full = full || len(q.held) >= q.pace.maxHeld
		return struct{}{}, err == nil && ctx.Err() == nil && !full && !idle
	}
	receive := func(struct{}) answer {
		letters, err := q.receive(uninterrupted)
		return answer{letters, err}
	}
	q.held = make(map[string]string)
	parallel.Do(q.pace.calls, next, receive, func(_ struct{}, a answer) {
		if _, ok := errors.AsType[*types.OverLimit](a.err); ok {
			full = true
			return
		}
		for i := range a.letters {
			l := &a.letters[i]
			if _, l.again = q.held[l.MessageID]; !l.again {
				seen++
			}
			q.held[l.MessageID] = l.handle
		}
		if err == nil {
			err = a.err
		}
		if err != nil || ctx.Err() != nil {
			return
		}
		var more bool
		more, err = visit(a.letters)
		idle = len(a.letters) == 0 || len(a.letters) < maxEntries && seen >= q.visible && !more
	})
	if err == nil && ctx.Err() == nil {
		_, err = visit(nil)
	}
	q.release(uninterrupted)
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err != nil:
		return err
	case ctx.Err() != nil:
		return errInterrupted
	case full:
		return errTooMany
	}
	return nil
}

// receive receives up to ten letters.
func (q *queue) receive(ctx context.Context) ([]letter, error) {
	out, err := q.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &q.url,
		MaxNumberOfMessages:         maxEntries,
		WaitTimeSeconds:             q.pace.wait,
		VisibilityTimeout:           int32(visibility.Seconds()),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, fmt.Errorf("receiving letters: %w", err)
	}
	letters := make([]letter, len(out.Messages))
	for i := range out.Messages {
		letters[i] = newLetter(&out.Messages[i], q.now())
	}
	return letters, nil
}

// release makes all that is held visible.
func (q *queue) release(ctx context.Context) {
	handles := slices.Collect(maps.Values(q.held))
	var problem error
	invisible := 0
	next := func() ([]string, bool) {
		n := min(maxEntries, len(handles))
		batch := handles[:n]
		handles = handles[n:]
		return batch, n > 0
	}
	show := func(batch []string) []error { return q.show(ctx, batch) }
	parallel.Do(q.pace.calls, next, show, func(_ []string, errs []error) {
		for _, err := range errs {
			if err == nil || strings.HasSuffix(failure.Code(err), "MessageNotInflight") { // It is visible already.
				continue
			}
			invisible, problem = invisible+1, err
			if _, ok := errors.AsType[*callError](err); ok { // The next call would fail, too.
				invisible += len(handles)
				handles = nil
			}
		}
	})
	if problem != nil {
		q.notef("%s could not be made visible again, which comes by itself within %v: %v", plural(invisible, "letter"), visibility, problem)
	}
}
