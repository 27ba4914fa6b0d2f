package main

import (
	"bytes"
	"sync"
)

// output counts the lines of suspended users in what a process prints, and keeps the end of it.
type output struct {
	mu        sync.Mutex
	suspended int
	end       []byte // more than enough for the part of a line
}

// suspendedLine is part of the line that says that a user was suspended, and of no other.
var suspendedLine = []byte(`"outcome":"suspended"`)

// endBytes is how much of the output an error shows.
const endBytes = 2000

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.suspended += bytes.Count(p, suspendedLine)
	// One may begin in what came before.
	before := o.end[max(0, len(o.end)-len(suspendedLine)+1):]
	after := p[:min(len(p), len(suspendedLine)-1)]
	o.suspended += bytes.Count(append(bytes.Clone(before), after...), suspendedLine)

	if len(p) >= endBytes {
		o.end = append(o.end[:0], p[len(p)-endBytes:]...)
	} else {
		o.end = append(o.end[max(0, len(o.end)+len(p)-endBytes):], p...)
	}
	return len(p), nil
}

// tail returns the end of what was printed so far.
func (o *output) tail() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.end)
}
