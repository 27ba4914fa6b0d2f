package main

import (
	"bufio"
	"context"
	"flag"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Binaries built for the tests: the real worker, and one that acknowledges every message and does nothing.
var worker, idler string

// TestMain lets the tests run where make run does.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		log.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "local-run-")
	if err != nil {
		log.Fatal(err)
	}
	worker, idler = filepath.Join(folder, "suspend-users"), filepath.Join(folder, "idler")
	for binary, source := range map[string]string{worker: "./functions/suspend-users", idler: "./internal/local/lambdaserver/testdata/worker"} {
		build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			log.Fatalf("building %s: %v\n%s", source, err, out)
		}
	}
	code := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		log.Print(err)
	}
	if code == 0 && childRemains() {
		log.Fatal("a process of a run is left behind")
	}
	os.Exit(code)
}

func childRemains() bool {
	_, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
	return err != syscall.ECHILD
}

// local takes a run of the worker to its end and returns what it has printed.
func local(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(t.Context(), append([]string{"-worker", worker}, args...), &out)
	return out.String(), err
}

// started is a run under way.
type started struct {
	lines  *bufio.Scanner
	result chan error
}

// begin starts a run that reads as slowly as its lines are waited for.
func begin(ctx context.Context, args ...string) *started {
	reader, writer := io.Pipe()
	s := &started{bufio.NewScanner(reader), make(chan error, 1)}
	go func() {
		s.result <- run(ctx, append([]string{"-worker", worker}, args...), writer)
		_ = writer.Close() // It never fails.
	}()
	return s
}

// until returns the first line with the text.
func (s *started) until(t *testing.T, text string) string {
	t.Helper()
	var lines []string
	for s.lines.Scan() {
		lines = append(lines, s.lines.Text())
		if strings.Contains(s.lines.Text(), text) {
			return s.lines.Text()
		}
	}
	t.Fatalf("no line says %q, but the run ends with %v after\n%s", text, <-s.result, strings.Join(lines, "\n"))
	return ""
}

// end waits for the end of the run.
func (s *started) end() error {
	for s.lines.Scan() {
		continue // What else is printed does not matter.
	}
	return <-s.result
}

// freePort returns a port that is free and so is the next one, from below those that systems hand out by themselves.
func freePort() int {
	for {
		if port := 20_000 + rand.IntN(10_000); isFree(port) && isFree(port+1) {
			return port
		}
	}
}

func isFree(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return err == nil && listener.Close() == nil
}

// file writes a file of that name into a folder of its own and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlags(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"-help"}, &out); err != flag.ErrHelp { //nolint:errorlint // As the flag package says.
		t.Errorf("-help: %v", err)
	}
	for _, name := range []string{"-chaos", "-directory", "-events", "-keep", "-log", "-port", "-runs", "-settings", "-sqs-endpoint", "-time", "-users", "-worker"} {
		if !strings.Contains(out.String(), "\n  "+name) {
			t.Errorf("-help does not list %s:\n%s", name, &out)
		}
	}
	for args, want := range map[string]options{
		"":                          {runs: 1},
		"-port 1000":                {runs: 1, port: 1000},
		"-keep":                     {runs: 1, keep: true, port: 9911},
		"-keep -port 1000":          {runs: 1, keep: true, port: 1000},
		"-users 1000000":            {runs: 1, users: 1_000_000},
		"-chaos 7 -runs 3":          {runs: 3, seed: 7},
		"-chaos 7 -time 1m -runs 2": {runs: 2, seed: 7, soak: time.Minute},
	} {
		want.worker, want.events = "bin/suspend-users", "events"
		want.directory, want.settings = "events/local/directory.json", "events/local/settings.json"
		if got, err := parse(strings.Fields(args), io.Discard); err != nil || got != want {
			t.Errorf("%q is %+v (%v), want %+v", args, got, err, want)
		}
	}
}
