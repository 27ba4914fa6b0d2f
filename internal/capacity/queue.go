package main

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"
)

// group is messages with the same account and the same history. Each asks for one user.
type group struct {
	n        int
	account  int
	received int // times
	sent     time.Duration
}

// merge makes one of the groups that differ in nothing but their number. It changes the slice.
func merge(groups []group) []group {
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(a.account-b.account, a.received-b.received, cmp.Compare(a.sent, b.sent))
	})
	merged := groups[:0]
	for _, g := range groups {
		if last := len(merged) - 1; last >= 0 && merged[last] == (group{merged[last].n, g.account, g.received, g.sent}) {
			merged[last].n += g.n
		} else {
			merged = append(merged, g)
		}
	}
	return merged
}

// queue is the source queue. Of the messages that were not received yet it knows only how many there are.
type queue struct {
	Plan
	random   *rand.Rand
	received int     // messages received at least once
	again    []group // handed back, and visible again
	left     int     // messages in again
	inFlight int     // messages received, and those that are handed back and not visible yet
	expired  int
}

// sentBy returns how many messages have been sent at a time.
func (q *queue) sentBy(now time.Duration) int {
	between := q.Over / time.Duration(q.Requests)
	switch {
	case now < 0:
		return 0
	case between == 0:
		return q.Requests
	}
	return min(int(now/between)+1, q.Requests)
}

// nextSent returns when the first message is sent that was not received yet.
func (q *queue) nextSent() time.Duration {
	return time.Duration(q.received) * (q.Over / time.Duration(q.Requests))
}

// ready returns how many messages a receive can have, after what is too old is deleted.
func (q *queue) ready(now time.Duration) int {
	if late := q.sentBy(now-retention) - q.received; late > 0 {
		q.expired += late
		q.received += late
	}
	return min(q.sentBy(now)-q.received+q.left, maxInFlight-q.inFlight)
}

// show makes messages visible again that were handed back.
func (q *queue) show(g group, now time.Duration) {
	q.inFlight -= g.n
	if g.sent+retention <= now {
		q.expired += g.n
		return
	}
	q.left += g.n
	q.again = append(q.again, g)
}

// take receives n messages that are ready and appends them. A standard queue promises no order. Those that were handed back
// come first here, which is the worst case: they use their deliveries up while Chime is busiest.
func (q *queue) take(taken []group, n int) []group {
	q.inFlight += n
	for n > 0 && q.left > 0 {
		g := q.again[0]
		if g.n = min(g.n, n); g.n == q.again[0].n {
			q.again = q.again[1:]
		} else {
			q.again[0].n -= g.n
		}
		n -= g.n
		q.left -= g.n
		g.received++
		taken = append(taken, g)
	}
	for n > 0 {
		here := 1 // Each was sent at its own time.
		if q.Over == 0 {
			here = n
		}
		taken = q.fresh(taken, here, q.nextSent())
		n -= here
	}
	return taken
}

// fresh appends n messages that are received for the first time, each of a random account.
func (q *queue) fresh(taken []group, n int, sent time.Duration) []group {
	q.received += n
	for account := range q.Accounts {
		here := n
		if account < q.Accounts-1 {
			here = q.half(n)
		}
		if here > 0 {
			taken = append(taken, group{here, account, 1, sent})
		}
		n -= here
	}
	return taken
}

// half returns how many of n fair coins show heads.
func (q *queue) half(n int) int {
	heads := 0
	for ; n >= 64; n -= 64 {
		heads += bits.OnesCount64(q.random.Uint64())
	}
	return heads + bits.OnesCount64(q.random.Uint64()&(1<<n-1))
}

// waits draws after how many seconds messages that are handed back are visible again: wait in internal/queue, but in steps so
// that a group falls into few. It returns how many there are at the shortest time, a step later, and so on.
func (q *queue) waits(g group) (shortest, step int, counts []int) {
	longest := backoff[min(g.received, len(backoff))-1]
	shortest = (longest + 1) / 2
	step = max(1, (longest-shortest)/10)
	counts = make([]int, (longest-shortest)/step+1)
	for range g.n {
		counts[q.random.IntN(len(counts))]++
	}
	return shortest, step, counts
}
