package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"chime-offboarding/internal/parallel"
)

// backoff is how long a message that is handed back waits at most, in seconds, after its first, second, third and later
// delivery. At least it waits half of that.
var backoff = [...]int{15, 60, 240, 900}

// Delay sets when messages that are handed back are delivered again, instead of after the visibility timeout of their
// queue. It returns for how many that failed, and a reason. Those that ctx leaves no time for are among them.
func (c *Client) Delay(ctx context.Context, handedBack []*Record) (failed int, reason error) {
	failed = len(handedBack)
	handedBack = slices.DeleteFunc(handedBack, func(r *Record) bool { return r.ReceiptHandle == "" })
	if len(handedBack) < failed {
		reason = errors.New("a record has no receiptHandle")
	}
	// A call is about one queue. So is an event of Lambda's, but nothing here depends on that.
	slices.SortStableFunc(handedBack, func(a, b *Record) int { return strings.Compare(a.SourceARN, b.SourceARN) })
	next := func() ([]*Record, bool) {
		if len(handedBack) == 0 || ctx.Err() != nil {
			return nil, false
		}
		n := 1
		for n < min(maxEntries, len(handedBack)) && handedBack[n].SourceARN == handedBack[0].SourceARN {
			n++
		}
		batch := handedBack[:n]
		handedBack = handedBack[n:]
		return batch, true
	}
	delay := func(batch []*Record) []error { return c.delay(ctx, batch) }
	parallel.Do(concurrency, next, delay, func(_ []*Record, errs []error) {
		for _, err := range errs {
			if err == nil {
				failed--
			} else if reason == nil {
				reason = err
			}
		}
	})
	if failed > 0 && reason == nil {
		reason = context.Cause(ctx)
	}
	return failed, reason
}

// delay sets the visibility of up to ten messages of one queue, and returns what became of each.
func (c *Client) delay(ctx context.Context, batch []*Record) []error {
	errs := make([]error, len(batch))
	source, err := c.sourceURL(batch[0].SourceARN)
	if err != nil {
		return fill(errs, err)
	}
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(batch))
	for i, r := range batch {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
			Id:                aws.String(strconv.Itoa(i)),
			ReceiptHandle:     &r.ReceiptHandle,
			VisibilityTimeout: wait(r.ReceiveCount),
		}
	}
	out, err := c.api.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &source, Entries: entries})
	if err != nil {
		return fill(errs, err)
	}
	fill(errs, errNoResult)
	for _, set := range out.Successful {
		if i, ok := place(set.Id, len(batch)); ok {
			errs[i] = nil
		}
	}
	readFailed(errs, out.Failed)
	return errs
}

// wait returns a random time in seconds, so that what failed together is not tried again together.
func wait(receiveCount int) int32 {
	longest := backoff[min(max(receiveCount, 1), len(backoff))-1]
	shortest := (longest + 1) / 2
	return int32(shortest + rand.IntN(longest-shortest+1))
}
