package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// build makes a command of this module.
func build(t *testing.T, source, binary string) {
	t.Helper()
	output, err := exec.Command("go", "build", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", binary, source).CombinedOutput()
	if err != nil {
		t.Fatalf("building %s: %v\n%s", source, err, output)
	}
}

func TestQuickRun(t *testing.T) {
	folder := t.TempDir()
	build(t, "../../functions/suspend-users", filepath.Join(folder, binaries, runtime.GOARCH, "bootstrap"))
	build(t, "./yardsticks/typed", filepath.Join(folder, yardsticks, typed))
	t.Chdir(folder)
	t.Setenv("PATH", "") // There is no Node.js.

	var out bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-only", "worker,typed,powertools"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`Calls, 8,000 messages of 4 accounts +│ +160 │ +0 │ +– │ +– │`, `\*\*\* POWERTOOLS IS NOT MEASURED`} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("it does not say %s:\n%s", want, out.String())
		}
	}
	if _, err := os.Stat(pages); !os.IsNotExist(err) {
		t.Errorf("it has written something: %v", err)
	}
}

func TestWrongWorkIsAnError(t *testing.T) {
	idle, perMessage := filepath.Join(t.TempDir(), typed), filepath.Join(t.TempDir(), perCall)
	build(t, "./yardsticks/typed", idle)
	build(t, "./yardsticks/percall", perMessage)
	cpu, err := reserveCPU()
	if err != nil {
		t.Fatal(err)
	}
	e, err := newEvent(100)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		subject subject
		lines   int // that are expected beyond the true ones
		err     string
	}{
		{"who does nothing and should", subject{"idle", []string{idle}, callPerBatch}, 0, "idle: 0 calls for 100 users instead of 4"},
		{"who calls and should not", subject{"busy", []string{perMessage}, nothing}, 0, "busy: 100 calls for 100 users instead of 0"},
		{"who makes too many calls", subject{"busy", []string{perMessage}, callPerBatch}, 0, "busy: 100 calls for 100 users instead of 4"},
		{"who leaves lines out", subject{"busy", []string{perMessage}, callPerMessage}, 1, "busy: 100 users have a line instead of 101"},
		{"who does not start", subject{"broken", []string{"/bin/sh", "-c", "echo because of that; exit 1"}, nothing}, 0, "broken: the process has exited\nbecause of that"},
		{"who is not there", subject{"missing", []string{"./nowhere"}, nothing}, 0, "starting ./nowhere"},
		{"who does it right", subject{"busy", []string{perMessage}, callPerMessage}, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := converse(t.Context(), test.subject, cpu, 0, func(ctx context.Context, s *session) error {
				s.lines += test.lines
				_, err := s.invoke(ctx, e)
				return err
			})
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
		})
	}
}

func TestProcessIsMeasured(t *testing.T) {
	cpu, err := reserveCPU()
	if err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("/bin/sh", "-c", "read line; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo $(grep Cpus_allowed_list /proc/self/status); read line")
	input, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := startOn(cpu, shell); err != nil {
		t.Fatal(err)
	}
	before, err := cpuTime(shell.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := input.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	allowed := make([]byte, 100)
	n, err := output.Read(allowed)
	if err != nil {
		t.Fatal(err)
	}
	if _, list, _ := strings.Cut(strings.TrimSpace(string(allowed[:n])), ":"); strings.ContainsAny(list, ",-") {
		t.Errorf("it has the CPUs %s instead of one", list)
	}
	after, err := cpuTime(shell.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if used := after - before; used < time.Millisecond {
		t.Errorf("100,000 turns of a loop in a shell took %v of CPU", used)
	}
	peak, err := peakMemory(shell.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if peak < 100<<10 || peak > 1<<30 {
		t.Errorf("a shell has had %d bytes", peak)
	}
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	_ = shell.Wait() // Its last read finds the end.
	if _, err := cpuTime(shell.Process.Pid); err == nil {
		t.Error("a process that is gone has CPU time")
	}
	if _, err := peakMemory(shell.Process.Pid); err == nil {
		t.Error("a process that is gone has memory")
	}
}
