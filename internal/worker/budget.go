package worker

import (
	"context"
	"time"
)

// budget is until when each step may last. A step that ends early leaves its time to the next.
type budget struct {
	suspend    time.Time
	letters    time.Time
	visibility time.Time
}

// newBudget shares out the time to the function's deadline, so that calls that hang do not take the letters' time away, nor
// hanging queues the answer's. A tenth, 0.1 s to 2 s, is for the answer. Of the rest a twelfth, at most 3 s, is for the
// visibility of what is handed back, 10 µs for each user are for the audit trail before it, a sixth, at most 30 s, is for the
// letters, and all else for the calls: of 15 s just enough for one attempt of 10 s.
func newBudget(ctx context.Context, users int) budget {
	now := time.Now()        // All times are reckoned from here, so that a clock that is set meanwhile changes none.
	left := 15 * time.Minute // The longest a function may run.
	if deadline, ok := ctx.Deadline(); ok {
		left = max(deadline.Sub(now), 0)
	}
	left -= min(max(left/10, 100*time.Millisecond), 2*time.Second, left/2) // The answer's.
	visibility := min(left/12, 3*time.Second)
	audit := min(time.Duration(users)*10*time.Microsecond, left/2)
	letters := min(left/6, 30*time.Second)

	var b budget
	b.visibility = now.Add(left)
	b.letters = b.visibility.Add(-visibility - audit)
	b.suspend = b.letters.Add(-letters)
	return b
}
