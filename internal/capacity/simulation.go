package main

import (
	"math"
	"math/rand/v2"
	"time"
)

// Result is what came of a plan.
type Result struct {
	Drained time.Duration // when the last user was suspended or had a letter
	Half    time.Duration // how long it took from sending until half of the suspended users were
	Slowest time.Duration // until the last one was

	Suspended int
	Returned  int // messages handed back, each time
	Letters   int // dead letters
	Expired   int // messages that the queue has deleted because they were too old

	Invocations int
	Longest     time.Duration // invocation
	GBSeconds   float64       // billed
	LogBytes    int

	Calls     int // BatchSuspendUser, the attempts within a call not counted
	Attempts  int
	Throttled int // attempts
	Peak      int // attempts in one second

	Receives int // ReceiveMessage
	Batches  int // DeleteMessageBatch, ChangeMessageVisibilityBatch and SendMessageBatch
}

// simulation is a plan at work.
type simulation struct {
	Plan
	Result
	random *rand.Rand
	queue  *queue
	now    time.Duration
	agenda agenda
	events int // so far

	idle    []*poller
	pollers int
	lookout time.Duration   // when one of the idle pollers is to look at the queue
	warm    []time.Duration // idle environments, by when they were used last

	credit   time.Duration // with Chime: a call takes the time that its limit leaves between two
	credited time.Duration
	attempts []int           // by second
	delays   [delaySteps]int // users by how long it took to suspend them
}

// Simulate runs a plan. The same plan has the same result.
func Simulate(p Plan) Result {
	s := newSimulation(p)
	for s.step() {
	}
	s.Expired = s.queue.expired
	s.Half = s.quantile(0.5)
	return s.Result
}

func newSimulation(p Plan) *simulation {
	s := &simulation{Plan: p, random: rand.New(rand.NewPCG(p.Seed, 0)), credit: time.Second, lookout: never}
	s.queue = &queue{Plan: p, random: s.random}
	s.addPollers(firstPollers)
	return s
}

// step lets the next event happen, and reports whether there was one.
func (s *simulation) step() bool {
	if len(s.agenda) == 0 {
		return false
	}
	e := s.agenda.pop()
	s.now = e.at
	e.do()
	return true
}

// at lets something happen at a time.
func (s *simulation) at(t time.Duration, do func()) {
	s.events++
	s.agenda.push(event{t, s.events, do})
}

// takes makes an attempt of a call, and reports whether Chime takes it. What Chime takes at once is as much as in a second.
func (s *simulation) takes(at time.Duration) bool {
	s.Attempts++
	second := int(at / time.Second)
	for len(s.attempts) <= second {
		s.attempts = append(s.attempts, 0)
	}
	s.attempts[second]++
	s.Peak = max(s.Peak, s.attempts[second])

	taken := at >= s.Outage
	if s.Limit > 0 {
		every := time.Duration(float64(time.Second) / s.Limit)
		s.credit = min(s.credit+at-s.credited, max(every, time.Second))
		s.credited = at
		if taken = taken && s.credit >= every; taken {
			s.credit -= every
		}
	}
	if !taken {
		s.Throttled++
	}
	return taken
}

// suspended notes users who are locked out.
func (s *simulation) suspended(g group, at time.Duration) {
	s.Suspended += g.n
	delay := at - g.sent
	s.Slowest = max(s.Slowest, delay)
	s.Drained = max(s.Drained, at)
	step := math.Float64bits(float64(delay)) >> delayShift
	s.delays[min(max(step, shortestDelay)-shortestDelay, delaySteps-1)] += g.n
}

// Delays are told apart by the exponent and the first seven bits of the fraction of their number, which is by less than one
// per cent: from a millisecond to twelve days.
const (
	delaySteps = 30 << 7
	delayShift = 52 - 7
)

var shortestDelay = math.Float64bits(float64(time.Millisecond)) >> delayShift

// quantile returns within what time that share of the suspended users were.
func (s *simulation) quantile(share float64) time.Duration {
	left := int(math.Ceil(share * float64(s.Suspended)))
	for step, n := range s.delays {
		if left -= n; n > 0 && left <= 0 {
			return time.Duration(math.Float64frombits((uint64(step) + shortestDelay) << delayShift))
		}
	}
	return 0
}

// cpu returns how long the function takes for what takes one core so long.
func (p Plan) cpu(d time.Duration) time.Duration {
	return time.Duration(float64(d) * max(1, memoryOfCore/float64(p.MemorySize)))
}

// event is something that happens at a time.
type event struct {
	at    time.Duration
	order int
	do    func()
}

func (e event) before(f event) bool { return e.at < f.at || e.at == f.at && e.order < f.order }

// agenda is a heap of events, those of one time in the order in which they were asked for. A third of the simulation's time
// is spent here, and would be twice as much with container/heap.
type agenda []event

func (a *agenda) push(e event) {
	*a = append(*a, e)
	heap := *a
	for i := len(heap) - 1; i > 0 && heap[i].before(heap[(i-1)/2]); i = (i - 1) / 2 {
		heap[i], heap[(i-1)/2] = heap[(i-1)/2], heap[i]
	}
}

func (a *agenda) pop() event {
	heap := *a
	first, last := heap[0], len(heap)-1
	heap[0], heap[last] = heap[last], event{}
	heap = heap[:last]
	for i, least := 0, 0; ; i = least {
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if heap[child].before(heap[least]) {
				least = child
			}
		}
		if least == i {
			*a = heap
			return first
		}
		heap[i], heap[least] = heap[least], heap[i]
	}
}
