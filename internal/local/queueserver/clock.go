package queueserver

import (
	"math"
	"time"
)

// clock is the queues' own. Its times count from the server's start, and it may run faster than the clock on the wall.
type clock struct {
	start time.Time
	speed float64
}

func newClock(speed float64) clock {
	if speed == 0 {
		speed = 1
	}
	return clock{start: time.Now(), speed: speed}
}

func (c clock) now() time.Duration {
	return time.Duration(float64(time.Since(c.start)) * c.speed)
}

// wall is how long d of queue time takes on the wall, rounded up.
func (c clock) wall(d time.Duration) time.Duration {
	return time.Duration(math.Ceil(float64(d) / c.speed))
}

func (c clock) date(t time.Duration) time.Time {
	return c.start.Add(t)
}
