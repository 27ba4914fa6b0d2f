package main

import (
	"math"
	"time"
)

// poller is one of the processes of the event source mapping that gather a batch, invoke the function with it, and begin
// again. The deletes do not keep it waiting.
type poller struct {
	batch      []group
	size       int
	end        time.Duration // of the window
	invocation invocation
}

// addPollers lets so many more pollers work, as far as the settings allow, and more a second later if there is enough to do.
func (s *simulation) addPollers(n int) {
	most := s.MaximumConcurrency
	if most == 0 {
		most = mostPollers
	}
	for ; n > 0 && s.pollers < most; n-- {
		s.pollers++
		s.idle = append(s.idle, &poller{})
	}
	s.alert()
	if s.pollers < most && (s.queue.received < s.Requests || s.queue.inFlight > 0) {
		s.at(s.now+time.Second, func() {
			more := 0
			if s.queue.ready(s.now) > 0 {
				more = morePollers / 60
			}
			s.addPollers(more)
		})
	}
}

// never is later than anything that happens.
const never = time.Duration(math.MaxInt64)

// alert lets one of the idle pollers look at the queue as soon as there is something.
func (s *simulation) alert() {
	at := s.now
	if s.queue.ready(s.now) <= 0 {
		if at = max(at, s.queue.nextSent()); s.queue.received == s.Requests || at == s.now {
			return // What is in flight alerts when it is visible again.
		}
	}
	if at >= s.lookout {
		return
	}
	s.lookout = at
	s.at(at, func() {
		if at != s.lookout {
			return // Another one was to look sooner.
		}
		s.lookout = never
		if len(s.idle) > 0 {
			p := s.idle[0]
			s.idle = s.idle[1:]
			s.poll(p)
		}
	})
}

// poll receives what it can, and goes on until the batch is full or its window over.
func (s *simulation) poll(p *poller) {
	defer s.alert()
	most := min(s.BatchSize, maxEventBytes/recordBytes)
	ready := min(s.queue.ready(s.now), most-p.size)
	receive := time.Duration(float64(time.Second) / s.ReceiveRate)
	switch {
	case p.size == 0 && ready <= 0:
		s.idle = append(s.idle, p)
		return
	case p.size == 0:
		p.end = s.now + s.Window
	case p.size == most || s.now >= p.end:
		if p.size < most && s.Window > 0 {
			s.Receives++ // The long poll that waited for more.
		}
		s.invoke(p)
		return
	case ready <= 0:
		s.at(min(p.end, s.now+longPollStep), func() { s.poll(p) })
		return
	}
	n := min(ready, maxEntries*max(1, int((p.end-s.now)/receive)))
	receives := calls(n, maxEntries)
	s.Receives += receives
	p.batch = s.queue.take(p.batch, n)
	p.size += n
	s.at(s.now+time.Duration(receives)*receive, func() { s.poll(p) })
}

// calls returns how many calls it takes for n entries.
func calls(n, entries int) int { return (n + entries - 1) / entries }
