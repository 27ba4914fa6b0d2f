package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chime-offboarding/internal/suspension"
)

const docs = "../../docs"

// TestDocumentIsCurrent runs the command, because the race detector would make it ten times slower.
func TestDocumentIsCurrent(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	document := readFile(t, filepath.Join(docs, "capacity.md"))
	if err := os.WriteFile(filepath.Join(folder, "capacity.md"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(command, "-docs", folder).CombinedOutput(); err != nil {
		t.Fatalf("writing the document: %v\n%s", err, out)
	}
	for _, name := range []string{"capacity.md", "capacity-drain.svg", "capacity-cost.svg"} {
		if diff := cmp.Diff(readFile(t, filepath.Join(folder, name)), readFile(t, filepath.Join(docs, name))); diff != "" {
			t.Errorf("%s is not what make capacity writes (-want +got):\n%s", name, diff)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTheStandardPlanIsTheTemplate holds the plan to the settings that would be deployed.
func TestTheStandardPlanIsTheTemplate(t *testing.T) {
	template := readFile(t, "../../template.yaml")
	for setting, want := range map[string]any{
		"BatchSize":                      standard.BatchSize,
		"MaximumBatchingWindowInSeconds": standard.Window.Seconds(),
		"MaximumConcurrency":             standard.MaximumConcurrency,
		"MemorySize":                     standard.MemorySize,
		"MAX_RECEIVE_COUNT":              standard.MaxReceiveCount,
		"CHIME_CONCURRENCY":              standard.ChimeConcurrency,
	} {
		found := regexp.MustCompile(`\b` + setting + `: '?(\d+)`).FindStringSubmatch(template)
		if found == nil || found[1] != fmt.Sprint(want) {
			t.Errorf("template.yaml has %q, the standard plan %s %v: make them the same", found, setting, want)
		}
	}
}

// TestNobodyIsForgotten draws plans; in the end each user is suspended, has a letter, or was too old for the queue.
func TestNobodyIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := standard
		p.Requests = rapid.IntRange(1, 3000).Draw(t, "requests")
		p.Over = time.Duration(rapid.IntRange(0, 5).Draw(t, "days")) * 24 * time.Hour / time.Duration(rapid.IntRange(1, 1000).Draw(t, "part"))
		p.Accounts = rapid.IntRange(1, 6).Draw(t, "accounts")
		p.BatchSize = rapid.IntRange(1, 2000).Draw(t, "batch size")
		p.Window = time.Duration(rapid.IntRange(0, 20).Draw(t, "window")) * time.Second
		p.MaximumConcurrency = rapid.IntRange(0, 10).Draw(t, "maximum concurrency")
		p.Timeout = time.Duration(rapid.IntRange(1, 60).Draw(t, "timeout")) * time.Second
		p.ChimeConcurrency = rapid.IntRange(1, 10).Draw(t, "chime concurrency")
		p.MaxReceiveCount = rapid.IntRange(1, 6).Draw(t, "deliveries")
		p.UsersPerCall = rapid.SampledFrom([]int{1, 50}).Draw(t, "users a call")
		p.Latency = time.Duration(rapid.IntRange(1, 9999).Draw(t, "latency")) * time.Millisecond
		p.Limit = rapid.SampledFrom([]float64{0, 0.01, 1, 10, 1000}).Draw(t, "limit")
		p.Outage = time.Duration(rapid.IntRange(0, 60).Draw(t, "outage")) * time.Minute
		r := Simulate(p)
		if r.Suspended+r.Letters+r.Expired != p.Requests {
			t.Errorf("of %d requests %d users are suspended, %d have letters, and %d were too old", p.Requests, r.Suspended, r.Letters, r.Expired)
		}
		if taken := r.Attempts - r.Throttled; r.Suspended > taken*p.UsersPerCall {
			t.Errorf("%d users are suspended by %d calls of %d", r.Suspended, taken, p.UsersPerCall)
		}
		if r.Attempts < r.Calls || r.Attempts > r.Calls*maxAttempts {
			t.Errorf("%d calls have %d attempts", r.Calls, r.Attempts)
		}
		if deliveries := p.Requests - r.Expired + r.Returned; deliveries > r.Invocations*p.BatchSize {
			t.Errorf("%d deliveries are made in %d events of at most %d", deliveries, r.Invocations, p.BatchSize)
		}
	})
}

// TestMessagesInFlight has more messages handed back than may be in flight at once.
func TestMessagesInFlight(t *testing.T) {
	p := standard
	p.Requests, p.BatchSize, p.Window, p.MaximumConcurrency, p.Outage = 300_000, 5000, 20*time.Second, 50, time.Hour
	s := newSimulation(p)
	most := 0
	for s.step() {
		most = max(most, s.queue.inFlight)
	}
	if most != maxInFlight {
		t.Errorf("%d messages were in flight at once, want %d, which is the most there may be", most, maxInFlight)
	}
	if s.queue.inFlight != 0 {
		t.Errorf("%d messages are in flight in the end", s.queue.inFlight)
	}
}

// TestNoLimitIsLikeAHighOne compares the short way of the simulation with the long one.
func TestNoLimitIsLikeAHighOne(t *testing.T) {
	for name, change := range map[string]func(p *Plan){
		"a wave":                       func(*Plan) {},
		"one call for each message":    func(p *Plan) { *p = p.tutorial() },
		"no maximum":                   func(p *Plan) { *p = noMaximum(p.tutorial()) },
		"more than there is time for":  func(p *Plan) { p.Latency, p.Timeout = 3*time.Second, 15*time.Second },
		"leavers one by one for a day": func(p *Plan) { *p = oneByOne(*p) },
	} {
		t.Run(name, func(t *testing.T) {
			p := standard
			p.Requests, p.Accounts = 20_000, 1
			change(&p)
			p.Limit = 0
			short := Simulate(p)
			p.Limit = 1e9
			if diff := cmp.Diff(Simulate(p), short); diff != "" {
				t.Errorf("without a limit it ends otherwise (-high +none):\n%s", diff)
			}
		})
	}
}

// TestCallsAreTheWorkers compares the calls of an event with those that the worker would make: accounts, order and sizes.
func TestCallsAreTheWorkers(t *testing.T) {
	type call struct{ account, users int }
	rapid.Check(t, func(t *rapid.T) {
		i := &invocation{simulation: newSimulation(standard)}
		var schedule suspension.Schedule
		for account, users := range rapid.SliceOfN(rapid.IntRange(1, 400), 1, 5).Draw(t, "users") {
			i.rest = append(i.rest, []group{{n: users / 3, account: account}, {n: users - users/3, account: account, received: 1}})
			for user := range users {
				schedule.Add(fmt.Sprint(account), fmt.Sprint(user))
			}
		}
		var model, worker []call
		for groups := i.next(nil); groups != nil; groups = i.next(nil) {
			c := call{account: groups[0].account}
			for _, g := range groups {
				c.users += g.n
			}
			model = append(model, c)
		}
		for c, ok := schedule.Next(); ok; c, ok = schedule.Next() {
			var account int
			_, _ = fmt.Sscan(c.AccountID, &account)
			worker = append(worker, call{account, len(c.Users)})
		}
		if diff := cmp.Diff(worker, model, cmp.AllowUnexported(call{})); diff != "" {
			t.Errorf("the model makes other calls (-worker +model):\n%s", diff)
		}
	})
}

func TestCallTime(t *testing.T) {
	for _, test := range []struct {
		timeout time.Duration
		users   int
		want    time.Duration
	}{
		{15 * time.Second, 0, 10125 * time.Millisecond}, // Of 15 s just enough for one attempt.
		{time.Minute, 0, 45*time.Second + time.Second/3},
		{time.Minute, 1000, 45*time.Second + time.Second/3 - 10*time.Millisecond},
		{15 * time.Minute, 0, 15*time.Minute - 35*time.Second},
	} {
		if got := callTime(test.timeout, test.users); got.Round(time.Millisecond) != test.want.Round(time.Millisecond) {
			t.Errorf("of %v the worker has %v for the calls of %d users, want %v", test.timeout, got, test.users, test.want)
		}
	}
}

// TestWaits compares the times that messages wait with those of internal/queue: half to all of 15 s, 60 s, 240 s, 900 s.
func TestWaits(t *testing.T) {
	q := newSimulation(standard).queue
	for received, longest := range map[int]int{1: 15, 2: 60, 3: 240, 4: 900, 9: 900} {
		shortest, step, counts := q.waits(group{n: 100_000, received: received})
		last := shortest + step*(len(counts)-1)
		if shortest != (longest+1)/2 || last != longest || counts[0] == 0 || counts[len(counts)-1] == 0 {
			t.Errorf("after delivery %d messages wait %d to %d s: %v", received, shortest, last, counts)
		}
	}
}

func TestBill(t *testing.T) {
	bill := standard.Bill(Result{Invocations: 1e6, GBSeconds: 1e6, Receives: 1e6, Batches: 1e6, LogBytes: 1e9})
	got := fmt.Sprintf("%.4f %.4f %.4f %.4f %.4f", bill.Requests, bill.Duration, bill.Queue, bill.Logs, bill.Total())
	if want := "0.2000 13.3334 0.8000 0.5000 14.8334"; got != want {
		t.Errorf("the bill is %s, want %s", got, want)
	}
	if polls := idlePolls(24 * time.Hour); polls != 21_600 {
		t.Errorf("the empty queue is polled %v times a day, want five pollers' 20 s each", polls)
	}
}

func TestCommand(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-requests", "120", "-accounts", "1", "-batch-size", "120", "-limit", "0"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"everybody is done after", "events                       1\n", "calls                        3\n", "dead letters                 0\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it prints\n%s\nbut not %q", &out, want)
		}
	}
	out.Reset()
	if err := run([]string{"-help"}, &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "-chime-concurrency number") {
		t.Errorf("asked for help it says %v and prints\n%s", err, &out)
	}
	for args, want := range map[string]string{
		"-requests 0":         "too small",
		"-latency 10s":        "less than 10s",
		"-requests many":      "invalid value",
		"-docs ../../nowhere": "reading the document",
		"-docs .":             "reading the document",
		"-receive-rate 0":     "too small",
	} {
		if err := run(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %s the error is %v, want one with %q", args, err, want)
		}
	}
	if _, _, err := files("a document without places"); err == nil || !strings.Contains(err.Error(), "no place") {
		t.Errorf("of a document without places the error is %v", err)
	}
}

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		number(0):                          "0",
		number(999):                        "999",
		number(1000):                       "1,000",
		number(12_345_678):                 "12,345,678",
		duration(231 * time.Millisecond):   "231 ms",
		duration(99900 * time.Millisecond): "99.9 s",
		duration(100 * time.Second):        "1.7 min",
		duration(90 * time.Minute):         "90 min",
		duration(47 * time.Hour):           "47.0 h",
		duration(96 * time.Hour):           "4.0 days",
		dollars(0.0000031):                 "$0.0000031",
		dollars(0):                         "$0.00",
		dollars(0.01):                      "$0.01",
		dollars(3.267):                     "$3.27",
	} {
		if got != want {
			t.Errorf("%q should be %q", got, want)
		}
	}
}
