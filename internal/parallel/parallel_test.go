package parallel_test

import (
	"bytes"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/parallel"
)

// jobs returns a next that gives the jobs 0 to n-1.
func jobs(n int) func() (int, bool) {
	given := 0
	return func() (int, bool) {
		given++
		return given - 1, given <= n
	}
}

// goroutine returns the number of the goroutine that it is called in.
func goroutine() string {
	stack := make([]byte, 64)
	return string(bytes.Fields(stack[:runtime.Stack(stack, false)])[1])
}

func TestEachJobIsDoneOnceWithItsResult(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 7, 50, 200} {
		got := make(map[int]string)
		parallel.Do(limit, jobs(100), strconv.Itoa, func(job int, result string) {
			if _, twice := got[job]; twice {
				t.Errorf("limit %d: job %d is done twice", limit, job)
			}
			got[job] = result
		})
		want := make(map[int]string)
		for job := range 100 {
			want[job] = strconv.Itoa(job)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d: results (-want +got):\n%s", limit, diff)
		}
	}
}

func TestAsManyAsTheLimitRunAtOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		limit, jobs, atOnce int
		lasts               time.Duration // with a second for each job
	}{
		{limit: 1, jobs: 10, atOnce: 1, lasts: 10 * time.Second},
		{limit: 3, jobs: 10, atOnce: 3, lasts: 4 * time.Second},
		{limit: 10, jobs: 10, atOnce: 10, lasts: time.Second},
		{limit: 50, jobs: 10, atOnce: 10, lasts: time.Second},
	} {
		t.Run(strconv.Itoa(test.jobs)+" jobs, limit "+strconv.Itoa(test.limit), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var running atomic.Int32
				most := int32(0)
				parallel.Do(test.limit, jobs(test.jobs), func(int) int32 {
					now := running.Add(1)
					time.Sleep(time.Second)
					running.Add(-1)
					return now
				}, func(_ int, now int32) { most = max(most, now) })
				if int(most) != test.atOnce {
					t.Errorf("%d jobs ran at once, want %d", most, test.atOnce)
				}
				if lasted := time.Since(start); lasted != test.lasts {
					t.Errorf("lasted %v, want %v", lasted, test.lasts)
				}
			})
		})
	}
}

func TestASlowJobHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []int
		parallel.Do(2, jobs(5), func(job int) struct{} {
			if job == 0 {
				time.Sleep(time.Minute)
			}
			time.Sleep(time.Second)
			return struct{}{}
		}, func(job int, _ struct{}) { order = append(order, job) })
		if diff := cmp.Diff([]int{1, 2, 3, 4, 0}, order); diff != "" {
			t.Errorf("order in which jobs are done (-want +got):\n%s", diff)
		}
	})
}

// TestNextAndDoneRunInTheCallersGoroutine has the race detector look on as well: what they share has no lock.
func TestNextAndDoneRunInTheCallersGoroutine(t *testing.T) {
	t.Parallel()
	caller := goroutine()
	open, mostOpen := 0, 0
	next := jobs(100)
	parallel.Do(4, func() (int, bool) {
		if got := goroutine(); got != caller {
			t.Errorf("next runs in goroutine %s, want the caller's, %s", got, caller)
		}
		job, ok := next()
		if ok {
			open++
			mostOpen = max(mostOpen, open)
		}
		return job, ok
	}, func(int) string { return goroutine() }, func(_ int, worker string) {
		if got := goroutine(); got != caller {
			t.Errorf("done runs in goroutine %s, want the caller's, %s", got, caller)
		}
		if worker == caller {
			t.Error("do runs in the caller's goroutine")
		}
		open--
	})
	if open != 0 || mostOpen != 4 {
		t.Errorf("%d jobs are not done, and %d at most were open, want 0 and 4", open, mostOpen)
	}
}

func TestNoJobNoWork(t *testing.T) {
	t.Parallel()
	asked := 0
	parallel.Do(4, func() (int, bool) {
		asked++
		return 0, false
	}, func(int) int {
		t.Error("do was called")
		return 0
	}, func(int, int) { t.Error("done was called") })
	if asked != 1 {
		t.Errorf("next was asked %d times, want once", asked)
	}
}

func TestADoneMayMakeNextHaveSomethingAgain(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 4, 50} {
		queue := []int{64} // each job makes two of half its size, down to 1
		got := make(map[int]int)
		parallel.Do(limit, func() (int, bool) {
			if len(queue) == 0 {
				return 0, false
			}
			job := queue[0]
			queue = queue[1:]
			return job, true
		}, func(job int) int { return job / 2 }, func(job, half int) {
			got[job]++
			if half > 0 {
				queue = append(queue, half, half)
			}
		})
		if diff := cmp.Diff(map[int]int{64: 1, 32: 2, 16: 4, 8: 8, 4: 16, 2: 32, 1: 64}, got); diff != "" {
			t.Errorf("limit %d: jobs done (-want +got):\n%s", limit, diff)
		}
	}
}

func TestGoroutinesAreReused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name              string
		limit, jobs, most int // most jobs open at once
		want              int
	}{
		{"none for jobs one after the other", 4, 20, 1, 0},
		{"none where one is the limit", 1, 20, 20, 0},
		{"two where the jobs are never more", 4, 20, 2, 2},
		{"as many as the limit", 4, 100, 100, 4},
		{"as many as there are jobs", 50, 10, 10, 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			open, finished, goroutines := 0, 0, 0
			next := jobs(test.jobs)
			parallel.Do(test.limit, func() (int, bool) {
				if open == test.most {
					return 0, false
				}
				job, ok := next()
				if ok {
					open++
				}
				return job, ok
			}, func(job int) int { return job }, func(int, int) {
				open--
				if finished++; finished == test.jobs {
					goroutines = started()
				}
			})
			if goroutines != test.want {
				t.Errorf("%d jobs took %d goroutines, want %d", test.jobs, goroutines, test.want)
			}
		})
	}
}

// started counts the goroutines that the one it is called in has started.
func started() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte(" in goroutine "+goroutine()+"\n"))
}

// TestNoGoroutineIsLeft fails in synctest.Test, which panics if goroutines of the test outlive it and wait for ever.
func TestNoGoroutineIsLeft(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 8, 20} {
		synctest.Test(t, func(t *testing.T) {
			results := 0
			parallel.Do(8, jobs(n), func(int) int {
				time.Sleep(time.Second)
				return 1
			}, func(_, one int) { results += one })
			if results != n {
				t.Errorf("got %d results, want %d", results, n)
			}
		})
	}
}
