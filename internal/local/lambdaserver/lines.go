package lambdaserver

import (
	"bytes"
	"io"
	"sync"
)

// lineWriter passes on what it is given in whole lines of any length.
type lineWriter struct {
	to   io.Writer // nil discards
	mu   *sync.Mutex
	line []byte
}

func (l *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, whole := bytes.Cut(p, []byte{'\n'})
		l.line = append(l.line, line...)
		if !whole {
			return n, nil
		}
		l.pass()
		p = rest
	}
}

// end passes on a last line that has no end.
func (l *lineWriter) end() {
	if len(l.line) > 0 {
		l.pass()
	}
}

func (l *lineWriter) pass() {
	if l.to != nil {
		l.mu.Lock()
		_, _ = l.to.Write(append(l.line, '\n')) // A log that takes no more must not stop the worker.
		l.mu.Unlock()
	}
	l.line = l.line[:0]
}
