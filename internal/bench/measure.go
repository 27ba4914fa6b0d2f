package main

import (
	"context"
	"slices"
	"time"
)

// metric is something that is measured of a subject.
type metric int

const (
	cpuLarge   metric = iota // µs for each message of a large event
	cpuFirst                 // the same, of a process's first one
	cpuMedium                // µs for each message of a medium event
	wallLarge                // ms
	starting                 // ms from the process's start to its first request for work
	wallSingle               // ms for an event of one message
	cpuSingle                // ms
	memory                   // MiB at most, with large events
	wallSlow                 // s for an event, while Chime takes its time
	calls                    // for a large event
	zipped                   // MB
)

// sample is what one round has measured of a subject. What is not measured of it is missing.
type sample map[metric]float64

const (
	large  = 8000 // messages of an event
	medium = 1000
	slow   = 4000

	slowLatency = 100 * time.Millisecond
)

// effort is how many turns each subject has in a round.
type effort struct{ large, medium, single, starts int }

const warmEvents = 30 // events of one message in a turn

// bench has what all measurements need.
type bench struct {
	effort

	cpu    int // that the subjects have
	events map[int]event
}

func newBench(e effort) (*bench, error) {
	b := &bench{effort: e, events: make(map[int]event)}
	for _, messages := range []int{1, medium, slow, large} {
		var err error
		if b.events[messages], err = newEvent(messages); err != nil {
			return nil, err
		}
	}
	var err error
	b.cpu, err = reserveCPU()
	return b, err
}

// round takes a sample of each subject. They take turns, one event each, because what disturbs the machine for a while is then
// the same for all. Each kind of event has processes of its own, whose first event is one of one message.
func (b *bench) round(ctx context.Context, subjects []subject) ([]sample, error) {
	samples := make([]sample, len(subjects))
	for i := range samples {
		samples[i] = make(sample)
	}

	err := b.together(ctx, subjects, large, b.large, 1, func(i int, s *session, each []took) error {
		samples[i][cpuLarge] = microseconds(meanCPU(warm(each))) / large
		samples[i][cpuFirst] = microseconds(each[0].cpu) / large
		samples[i][wallLarge] = milliseconds(medianWall(warm(each)))
		samples[i][calls] = float64(s.job.calls(b.events[large])) // Or there was an error.
		peak, err := peakMemory(s.pid)
		samples[i][memory] = float64(peak) / (1 << 20)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = b.together(ctx, subjects, medium, b.medium, 1, func(i int, _ *session, each []took) error {
		samples[i][cpuMedium] = microseconds(meanCPU(warm(each))) / medium
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = b.together(ctx, subjects, 1, b.single, warmEvents, func(i int, _ *session, each []took) error {
		samples[i][wallSingle] = milliseconds(medianWall(each))
		samples[i][cpuSingle] = milliseconds(meanCPU(each))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := b.start(ctx, subjects, samples); err != nil {
		return nil, err
	}
	for i, s := range subjects {
		if s.job != callPerBatch { // Of the others nothing is asked.
			continue
		}
		err := converse(ctx, s, b.cpu, slowLatency, func(ctx context.Context, s *session) error {
			t, err := s.invoke(ctx, b.events[slow])
			samples[i][wallSlow] = t.wall.Seconds()
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return samples, nil
}

// start starts processes that get no event.
func (b *bench) start(ctx context.Context, subjects []subject, samples []sample) error {
	took := make([][]float64, len(subjects))
	for _, i := range turns(len(subjects), b.starts) {
		err := converse(ctx, subjects[i], b.cpu, 0, func(_ context.Context, s *session) error {
			took[i] = append(took[i], milliseconds(s.start))
			return nil
		})
		if err != nil {
			return err
		}
	}
	for i := range samples {
		samples[i][starting] = median(took[i])
	}
	return nil
}

// turns returns whose turn it is, of n, each so often: forwards, then backwards, so that nobody always comes after the same.
func turns(n, each int) []int {
	var order []int
	for turn := range each {
		for i := range n {
			if turn%2 > 0 {
				i = n - 1 - i
			}
			order = append(order, i)
		}
	}
	return order
}

// together gives the subjects events of so many messages in turn, and has noted what each has taken for them.
func (b *bench) together(ctx context.Context, subjects []subject, messages, count, perTurn int, note func(i int, s *session, each []took) error) error {
	return b.open(ctx, subjects, nil, func(ctx context.Context, sessions []*session) error {
		for _, s := range sessions {
			if _, err := s.invoke(ctx, b.events[1]); err != nil {
				return err
			}
		}
		each := make([][]took, len(sessions))
		for _, i := range turns(len(sessions), count) {
			for range perTurn {
				t, err := sessions[i].invoke(ctx, b.events[messages])
				if err != nil {
					return err
				}
				each[i] = append(each[i], t)
			}
		}
		for i, s := range sessions {
			if err := note(i, s, each[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// open starts a process of each subject, and has all talked to at once.
func (b *bench) open(ctx context.Context, subjects []subject, opened []*session, talk func(context.Context, []*session) error) error {
	if len(subjects) == 0 {
		return talk(ctx, opened)
	}
	return converse(ctx, subjects[0], b.cpu, 0, func(ctx context.Context, s *session) error {
		return b.open(ctx, subjects[1:], append(opened, s), talk)
	})
}

// warm leaves the first event out, if it is not the only one: it has the connections to open, and memory to ask for.
func warm(each []took) []took { return each[min(1, len(each)-1):] }

// meanCPU is a mean because what one event leaves to the garbage collector may be done in the next.
func meanCPU(each []took) time.Duration {
	var sum time.Duration
	for _, t := range each {
		sum += t.cpu
	}
	return sum / time.Duration(len(each))
}

func medianWall(each []took) time.Duration {
	walls := make([]float64, len(each))
	for i, t := range each {
		walls[i] = float64(t.wall)
	}
	return time.Duration(median(walls))
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile returns the value below which a share of the values lies, or one between the two that are nearest.
func quantile(values []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := share * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}
