package queueserver

import "container/heap"

// messageHeap has messages in an order, the first at hand at once, and finds each again by the place that it notes in it.
type messageHeap struct {
	messages []*message
	before   func(a, b *message) bool
	place    func(*message) *int
}

func (h *messageHeap) add(m *message) { heap.Push(h, m) }

func (h *messageHeap) remove(m *message) { heap.Remove(h, *h.place(m)) }

// first returns nil if there is none.
func (h *messageHeap) first() *message {
	if len(h.messages) == 0 {
		return nil
	}
	return h.messages[0]
}

// Len is part of [heap.Interface].
func (h *messageHeap) Len() int { return len(h.messages) }

// Less is part of [heap.Interface].
func (h *messageHeap) Less(i, j int) bool { return h.before(h.messages[i], h.messages[j]) }

// Swap is part of [heap.Interface].
func (h *messageHeap) Swap(i, j int) {
	h.messages[i], h.messages[j] = h.messages[j], h.messages[i]
	*h.place(h.messages[i]), *h.place(h.messages[j]) = i, j
}

// Push is part of [heap.Interface].
func (h *messageHeap) Push(x any) {
	m := x.(*message)
	*h.place(m) = len(h.messages)
	h.messages = append(h.messages, m)
}

// Pop is part of [heap.Interface].
func (h *messageHeap) Pop() any {
	last := len(h.messages) - 1
	m := h.messages[last]
	h.messages[last] = nil
	h.messages = h.messages[:last]
	return m
}
