// Command bench measures the worker, the real binary behind a Runtime API like Lambda's, beside yardsticks that get the same
// events on the same machine in the same run. It is what make bench runs; docs/performance.md says what is measured, and how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	binaries   = "dist"           // has a folder for each architecture, with the worker
	yardsticks = "bin/yardsticks" // has those in Go, and gets the one in TypeScript
	pages      = "docs"           // where the results go
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 7, "`number` of rounds")
	quick := flags.Bool("quick", false, "make one short round, which shows that all works and not much else, and write nothing")
	only := flags.String("only", strings.Join(all, ","), "measure the subjects with these comma-separated `names`; write nothing unless it is all")
	if err := flags.Parse(args); err != nil {
		return err
	}
	work := effort{large: 5, medium: 11, single: 10, starts: 10}
	if *quick {
		*rounds, work = 1, effort{large: 1, medium: 1, single: 1, starts: 2}
	}

	names := strings.Split(*only, ",")
	var subjects []subject
	for _, s := range []subject{
		{worker, []string{filepath.Join(binaries, runtime.GOARCH, "bootstrap")}, callPerBatch},
		{typed, []string{filepath.Join(yardsticks, typed)}, nothing},
		{perCall, []string{filepath.Join(yardsticks, perCall)}, callPerMessage},
	} {
		if slices.Contains(names, s.name) {
			subjects = append(subjects, s)
		}
	}
	var node string
	var missing error
	if slices.Contains(names, powertools) {
		var command []string
		if node, command, missing = installPowertools(ctx, yardsticks); missing == nil {
			subjects = append(subjects, subject{powertools, command, callPerMessage})
		}
	}

	samples, err := measure(ctx, work, subjects, *rounds, out)
	if err != nil {
		return err
	}
	r := results{
		Date:    time.Now().UTC().Format(time.DateOnly),
		Machine: machine(),
		Go:      runtime.Version(),
		Node:    node,
		Rounds:  *rounds,
		Figures: evaluate(samples),
	}
	fmt.Fprintln(out, newTable(r).Render())
	if missing != nil {
		fmt.Fprintf(out, "\n*** POWERTOOLS IS NOT MEASURED: install Node.js 20 with npm, and let it reach the registry (%v)\n", missing)
	}
	if *quick || len(names) < len(all) {
		return nil
	}
	return save(pages, r)
}

// measure returns the samples of each subject, one for each round.
func measure(ctx context.Context, work effort, subjects []subject, rounds int, out io.Writer) (map[string][]sample, error) {
	b, err := newBench(work)
	if err != nil {
		return nil, err
	}
	size, err := largestZipped(binaries)
	if err != nil {
		return nil, err
	}
	samples := make(map[string][]sample)
	for round := range rounds {
		fmt.Fprintf(out, "round %d of %d\n", round+1, rounds)
		got, err := b.round(ctx, subjects)
		if err != nil {
			return nil, err
		}
		for i, s := range subjects {
			if s.name == worker {
				got[i][zipped] = float64(size) / 1e6
			}
			samples[s.name] = append(samples[s.name], got[i])
		}
	}
	return samples, nil
}

// machine says what this runs on.
func machine() string {
	model := "unknown CPU"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if found := regexp.MustCompile(`model name\s*:\s*(.*)`).FindSubmatch(info); found != nil {
			model = string(found[1])
		}
	}
	return fmt.Sprintf("%s, %d CPUs, %s/%s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}
