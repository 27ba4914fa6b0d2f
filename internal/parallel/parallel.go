// Package parallel runs work side by side for a caller that stays single-threaded.
package parallel

// Do runs do for every job that next gives, at most limit at once, and done for each result. It returns when next has
// nothing and nothing is running. A done may make next have something again. Both run in the caller's goroutine, one at a
// time, so that what they share needs no lock. The goroutines of do are reused: a fresh one would spend a sixth of its time
// growing its stack. A job that would run alone runs in the caller's goroutine as well.
func Do[Job, Result any](limit int, next func() (Job, bool), do func(Job) Result, done func(Job, Result)) {
	type finished struct {
		job    Job
		result Result
	}
	jobs := make(chan Job)
	results := make(chan finished, limit)
	defer close(jobs)
	workers, running := 0, 0
	start := func(job Job) {
		if running == workers {
			workers++
			go func() {
				for job := range jobs {
					results <- finished{job, do(job)}
				}
			}()
		}
		running++
		jobs <- job
	}
	var held []Job // not started yet, because nothing runs beside it
	for {
		for running+len(held) < limit {
			job, ok := next()
			if !ok {
				break
			}
			if held = append(held, job); running+len(held) > 1 {
				for _, job := range held {
					start(job)
				}
				held = held[:0]
			}
		}
		switch {
		case len(held) > 0:
			job := held[0]
			held = held[:0]
			done(job, do(job))
		case running > 0:
			f := <-results
			running--
			done(f.job, f.result)
		default:
			return
		}
	}
}
