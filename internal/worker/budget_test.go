package worker

import (
	"context"
	"testing"
	"time"
)

// TestBudgetWhenTheClockIsSet: the deadline that Lambda gives is a time of the wall clock, but what is made of it is not.
func TestBudgetWhenTheClockIsSet(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.UnixMilli(time.Now().Add(time.Minute).UnixMilli()))
	defer cancel()
	b := newBudget(ctx, 10)
	for step, until := range map[string]time.Time{"calls": b.suspend, "letters": b.letters, "visibility": b.visibility} {
		if until == until.Round(0) { //nolint:staticcheck // Round takes the monotonic reading away: that is what differs.
			t.Errorf("until when the %s may last moves with the wall clock: %v", step, until)
		}
	}
}
