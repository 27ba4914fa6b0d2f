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
// hanging queues the answer's. A tenth, 0.1 s to 2 s, is for the answer, with 10 µs more for the audit line of each user. Of
// the rest a twelfth, at most 3 s, is for the visibility of what is handed back, a sixth, at most 30 s, for the letters, and
// all else for the calls: of 15 s just enough for one attempt of 10 s.
func newBudget(ctx context.Context, users int) budget {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(15 * time.Minute) // The longest a function may run.
	}
	left := max(time.Until(deadline), 0)
	answer := min(max(left/10, 100*time.Millisecond), 2*time.Second) + time.Duration(users)*10*time.Microsecond
	answer = min(answer, left/2)
	left -= answer
	visibility := min(left/12, 3*time.Second)
	letters := min(left/6, 30*time.Second)

	var b budget
	b.visibility = deadline.Add(-answer)
	b.letters = b.visibility.Add(-visibility)
	b.suspend = b.letters.Add(-letters)
	return b
}
