package main

import (
	"slices"
	"time"
)

// invocation is one run of the worker over a batch.
type invocation struct {
	*simulation
	poller *poller
	begun  time.Duration // when Lambda began to bill
	until  time.Duration // when calls may go on until
	size   int           // messages
	rest   [][]group     // of each account, in no call yet, the last one first
	turn   int           // the account whose turn it is
	flying int           // calls
	failed []group
}

// invoke runs the worker over what the poller has gathered.
func (s *simulation) invoke(p *poller) {
	i := &p.invocation // Its slices serve one invocation after the other.
	if i.poller == nil {
		i.rest = make([][]group, s.Accounts)
	}
	*i = invocation{simulation: s, poller: p, begun: s.now, size: p.size, rest: i.rest, failed: i.failed[:0]}
	for account := range i.rest {
		i.rest[account] = i.rest[account][:0]
	}
	for _, g := range p.batch {
		i.rest[g.account] = append(i.rest[g.account], g)
	}
	p.batch, p.size = p.batch[:0], 0

	s.Invocations++
	start := s.now
	if last := len(s.warm) - 1; last >= 0 && s.now-s.warm[last] < keptWarm {
		s.warm = s.warm[:last]
	} else {
		start += coldStart + s.cpu(initCPU)
	}
	i.until = start + callTime(s.Timeout, i.size)
	s.LogBytes += systemLogBytes + eventLogBytes + i.size*userLogBytes
	first := start + s.cpu(eventCPU+time.Duration(i.size)*messageCPU)
	if s.Limit == 0 && s.Outage == 0 {
		i.runUnlimited(first)
	} else {
		s.at(first, i.fill)
	}
}

// callTime is how much of the function's time the worker has for calls: newBudget in internal/worker.
func callTime(timeout time.Duration, users int) time.Duration {
	left := timeout - min(max(timeout/10, 100*time.Millisecond), 2*time.Second, timeout/2)
	return left - min(left/12, 3*time.Second) - min(time.Duration(users)*10*time.Microsecond, left/2) - min(left/6, 30*time.Second)
}

// next appends the users of the next call, or nobody where all are in one. The accounts take turns.
func (i *invocation) next(call []group) []group {
	for range i.rest {
		account := i.turn
		i.turn = (i.turn + 1) % len(i.rest)
		rest := i.rest[account]
		if len(rest) == 0 {
			continue
		}
		n := i.UsersPerCall
		for n > 0 && len(rest) > 0 {
			last := &rest[len(rest)-1]
			g := *last
			g.n = min(g.n, n)
			n -= g.n
			call = append(call, g)
			if last.n -= g.n; last.n == 0 {
				rest = rest[:len(rest)-1]
			}
		}
		i.rest[account] = rest
		i.Calls++
		i.LogBytes += callLogBytes + (i.UsersPerCall-n)*calledBytes
		break
	}
	return call
}

// runUnlimited makes all calls at once: where Chime takes every call, no invocation touches another.
func (i *invocation) runUnlimited(first time.Duration) {
	each := i.Latency + i.cpu(callCPU)
	now := first
	var call []group
	for now < i.until {
		made := 0
		for ; made < i.ChimeConcurrency; made++ {
			if call = i.next(call[:0]); len(call) == 0 {
				break
			}
			i.takes(now)
			i.done(call, now+each <= i.until, min(now+each, i.until))
		}
		if made == 0 {
			break
		}
		now = min(now+each, i.until)
	}
	i.at(now, i.end)
}

// fill makes calls until so many are in flight as may be, and ends where there is none left.
func (i *invocation) fill() {
	for i.flying < i.ChimeConcurrency && i.now < i.until {
		call := i.next(nil)
		if call == nil {
			break
		}
		i.flying++
		i.try(call, 1)
	}
	if i.flying == 0 {
		i.end()
	}
}

// try makes one attempt of a call.
func (i *invocation) try(call []group, attempt int) {
	taken := i.takes(i.now)
	at := i.now + i.Latency + i.cpu(callCPU)
	again := !taken && attempt < maxAttempts
	if again {
		at += time.Duration(i.random.Int64N(int64(time.Second) << attempt)) // The SDK waits at most 2 s, then 4 s.
	}
	if again && at < i.until {
		i.at(at, func() { i.try(call, attempt+1) })
		return
	}
	i.at(min(at, i.until), func() {
		i.flying--
		i.done(call, taken && at <= i.until, i.now)
		i.fill()
	})
}

// done notes what became of a call.
func (i *invocation) done(call []group, ok bool, at time.Duration) {
	if !ok {
		i.LogBytes += failLogBytes
		i.failed = append(i.failed, call...)
		return
	}
	for _, g := range call {
		i.suspended(g, at)
	}
}

// end sends the letters, sets when the rest is delivered again, and lets the poller go on.
func (i *invocation) end() {
	for _, rest := range i.rest { // There was no time for these.
		i.failed = append(i.failed, rest...)
	}
	i.failed = merge(i.failed)
	letters, back := 0, 0
	for _, g := range i.failed {
		if g.received >= i.MaxReceiveCount {
			letters += g.n
		} else {
			back += g.n
		}
	}
	sends, delays := calls(letters, maxEntries), calls(back, maxEntries)
	answered := i.now + time.Duration(calls(sends, lettersConcurrent)+calls(delays, lettersConcurrent))*sqsLatency
	i.Batches += sends + delays + calls(i.size-back, maxEntries)
	i.Letters += letters
	i.Returned += back
	if letters > 0 {
		i.Drained = max(i.Drained, answered)
	}
	i.Longest = max(i.Longest, answered-i.begun)
	billed := (answered - i.begun + time.Millisecond - 1).Truncate(time.Millisecond)
	i.GBSeconds += billed.Seconds() * float64(i.MemorySize) / 1024
	i.at(answered, func() {
		i.warm = append(i.warm, i.now)
		i.queue.inFlight -= i.size - back
		for _, g := range slices.DeleteFunc(i.failed, func(g group) bool { return g.received >= i.MaxReceiveCount }) {
			i.handBack(g)
		}
		i.poll(i.poller)
	})
}

// handBack lets messages wait for their next delivery.
func (s *simulation) handBack(g group) {
	shortest, step, counts := s.queue.waits(g)
	for i, n := range counts {
		if back := g; n > 0 {
			back.n = n
			s.at(s.now+time.Duration(shortest+i*step)*time.Second, func() {
				s.queue.show(back, s.now)
				s.alert()
			})
		}
	}
}
