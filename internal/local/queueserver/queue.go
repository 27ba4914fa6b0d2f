package queueserver

import (
	"cmp"
	"time"
)

// queue has the messages of one queue. Its methods take no lock and see the time of the last advance.
//
// A message is in one of two heaps, by when it becomes visible: in hidden while it is delayed or in flight, in visible
// from then on. So a receive looks at no message that it cannot have, and a message costs O(log n) at each step of its
// way, whatever the number of messages around it.
type queue struct {
	id   uint64
	name string
	arn  string
	settings

	created     time.Duration
	modified    time.Duration
	purgeableAt time.Duration

	now     time.Duration
	numbers map[uint64]*message
	visible *messageHeap
	hidden  *messageHeap
	ages    *messageHeap // All messages, the oldest first.

	lastNumber uint64
	inFlight   int           // How many of the hidden messages are in flight; the others are delayed.
	arrival    chan struct{} // Closed when a message may be had earlier than a waiting receive knows; nil if none waits.
}

func newQueue(id uint64, name, arn string, now time.Duration) *queue {
	q := &queue{id: id, name: name, arn: arn, settings: defaults, created: now, modified: now}
	q.clear()
	return q
}

// clear removes all messages.
func (q *queue) clear() {
	bySchedule := func(a, b *message) bool {
		return cmp.Or(cmp.Compare(a.visibleAt, b.visibleAt), cmp.Compare(a.number, b.number)) < 0
	}
	byAge := func(a, b *message) bool { return a.sentAt < b.sentAt }
	inSchedule := func(m *message) *int { return &m.place }
	inAges := func(m *message) *int { return &m.agePlace }

	q.numbers = map[uint64]*message{}
	q.visible = &messageHeap{before: bySchedule, place: inSchedule}
	q.hidden = &messageHeap{before: bySchedule, place: inSchedule}
	q.ages = &messageHeap{before: byAge, place: inAges}
	q.inFlight = 0
}

// advance does what the passing of time does: messages become visible, and those past their retention period go.
func (q *queue) advance(now time.Duration) {
	q.now = now
	for m := q.hidden.first(); m != nil && m.visibleAt <= now; m = q.hidden.first() {
		q.hidden.remove(m)
		q.land(m)
		q.show(m)
	}
	for m := q.ages.first(); m != nil && m.sentAt+seconds(q.messageRetentionPeriod) <= now; m = q.ages.first() {
		q.remove(m)
	}
}

// put adds a message that becomes visible at m.visibleAt.
func (q *queue) put(m *message) {
	q.lastNumber++
	m.queueID, m.number = q.id, q.lastNumber
	q.numbers[m.number] = m
	q.ages.add(m)
	if m.visibleAt > q.now {
		q.hide(m)
	} else {
		q.show(m)
	}
	q.announce()
}

func (q *queue) show(m *message) {
	m.schedule = q.visible
	q.visible.add(m)
}

func (q *queue) hide(m *message) {
	m.schedule = q.hidden
	q.hidden.add(m)
}

// land ends a message's being in flight.
func (q *queue) land(m *message) {
	if m.inFlight {
		m.inFlight = false
		q.inFlight--
	}
}

// remove takes a message out of the queue.
func (q *queue) remove(m *message) {
	if q.inFlight == maxInFlight {
		q.announce() // A receive that waits because of the limit gets its turn.
	}
	q.land(m)
	m.schedule.remove(m)
	q.ages.remove(m)
	delete(q.numbers, m.number)
}

// take receives up to limit messages. Those that have been received as often as the redrive policy allows move to
// deadLetters instead, unless that is nil. What it returns are copies that stay as they are when the lock is given up.
func (q *queue) take(limit int, visibilityTimeout time.Duration, deadLetters *queue) []message {
	var taken []*message
	for n := q.visible.Len(); n > 0 && len(taken) < limit; n-- { // A queue may be its own dead-letter queue: look at each once.
		m := q.visible.first()
		if deadLetters != nil && m.receives >= q.redrive.maxReceiveCount {
			q.remove(m)
			m.source = q.arn
			m.visibleAt = q.now
			deadLetters.put(m)
			continue
		}
		q.visible.remove(m)
		taken = append(taken, m)
	}

	copies := make([]message, len(taken))
	for i, m := range taken {
		if m.receives == 0 {
			m.firstReceivedAt = q.now
		}
		m.receives++
		m.receivedAt = q.now
		m.visibleAt = q.now + visibilityTimeout
		m.inFlight = true
		q.inFlight++
		q.hide(m)
		copies[i] = *m
	}
	return copies
}

// held returns the message of a receipt, or nil if it is gone or was received again since.
func (q *queue) held(r receipt) *message {
	m := q.numbers[r.message]
	if m == nil || m.receives != r.receive {
		return nil
	}
	return m
}

// reschedule makes a message that is in flight visible at another time.
func (q *queue) reschedule(m *message, visibleAt time.Duration) {
	q.hidden.remove(m)
	m.visibleAt = visibleAt
	q.hide(m)
	q.announce()
}

// announce has waiting receives look again.
func (q *queue) announce() {
	if q.arrival != nil {
		close(q.arrival)
		q.arrival = nil
	}
}

// nextArrival returns a channel that the next announcement closes.
func (q *queue) nextArrival() <-chan struct{} {
	if q.arrival == nil {
		q.arrival = make(chan struct{})
	}
	return q.arrival
}

func seconds(n int) time.Duration {
	return time.Duration(n) * time.Second
}
