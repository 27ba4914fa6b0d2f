package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// written returns the bodies of the letters in a file, in order.
func (s *stage) written(path string) (bodies []string) {
	s.Helper()
	text, err := os.ReadFile(path)
	must(s.T, err)
	for line := range strings.Lines(string(text)) {
		var l letter
		must(s.T, json.Unmarshal([]byte(line), &l))
		bodies = append(bodies, l.Body)
	}
	slices.Sort(bodies)
	return bodies
}

func TestDiscardWritesWhatItDeletes(t *testing.T) {
	s := newStage(t)
	t.Chdir(t.TempDir())
	stay, want := s.users("Throttled", 12), s.users("InvalidRequest", 23)
	shown := s.shown("-code", "InvalidRequest")
	s.intercept = func(c *call) {
		if c.action == "DeleteMessageBatch" {
			if got := s.written("discarded-20260220T040203Z.jsonl"); !slices.Equal(got, want) {
				t.Errorf("at a deletion the file has %q, want %q", got, want)
			}
		}
		c.do()
	}
	code, out, err := s.run("discard", "-code", "InvalidRequest", "-yes")
	if code != exitDone || err != "" {
		t.Errorf("exit code %d and %q, want %d and nothing", code, err, exitDone)
	}
	s.contains(out, "│ InvalidRequest │ corp    │      23 │", "They are written to discarded-20260220T040203Z.jsonl.\n", "23 letters discarded.\n")
	s.expect(stay, nil)

	text, _ := os.ReadFile("discarded-20260220T040203Z.jsonl")
	if lines := slices.Collect(strings.Lines(string(text))); len(lines) != len(shown) || !strings.HasPrefix(lines[0], `{"messageId":"`) {
		t.Errorf("the file has %d lines, want %d in the form of show: %s", len(lines), len(shown), lines[0])
	}
	if info, _ := os.Stat("discarded-20260220T040203Z.jsonl"); info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, want that only its owner can read it", info.Mode())
	}
}

func TestDiscardAsks(t *testing.T) {
	t.Parallel()
	for typed, discards := range map[string]bool{
		"11\n":   true,
		" 11 \n": true,
		"11":     true, // and Ctrl-D
		"":       false,
		"\n":     false,
		"y\n":    false,
		"yes\n":  false,
		"1\n":    false,
		"12\n":   false,
		"11 x\n": false,
	} {
		s := newStage(t)
		file := filepath.Join(t.TempDir(), "letters.jsonl")
		bodies := s.users("InvalidRequest", 11)
		s.program.asks, s.program.in = true, strings.NewReader(typed)
		code, _, err := s.run("discard", "-all", "-file", file)
		s.contains(err, "Type 11 to discard 11 letters for good: ")
		_, missing := os.Stat(file)
		switch {
		case discards:
			if code != exitDone || !slices.Equal(s.written(file), bodies) {
				t.Errorf("%q: exit code %d and %s, want %d", typed, code, err, exitDone)
			}
			s.expect(nil, nil)
		case code != exitFailed || !os.IsNotExist(missing) || s.called("DeleteMessageBatch") > 0:
			t.Errorf("%q: exit code %d, file %v and %s; want %d and no file", typed, code, missing, err, exitFailed)
		default:
			s.contains(err, "nothing was discarded")
			s.expect(bodies, nil)
		}
	}
}

func TestNothingIsTouchedBeforeDiscardCanBeSure(t *testing.T) {
	existing := filepath.Join(t.TempDir(), "existing.jsonl")
	must(t, os.WriteFile(existing, []byte("kept"), 0o600))
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"without a terminal":       {[]string{"-all"}, exitUsage, "there is no terminal to ask at: give -yes"},
		"with a file that exists":  {[]string{"-all", "-yes", "-file", existing}, exitFailed, "give another with -file"},
		"with a folder that isn't": {[]string{"-all", "-yes", "-file", existing + "/x"}, exitFailed, "give another with -file"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			bodies := s.users("InvalidRequest", 1)
			code, out, err := s.run("discard", test.args...)
			if code != test.code || !strings.Contains(err, test.want) || out != "" || s.called("ReceiveMessage") > 0 {
				t.Errorf("exit code %d, %q and %q after %d receives; want %d and %q", code, out, err, s.called("ReceiveMessage"), test.code, test.want)
			}
			s.expect(bodies, nil)
		})
	}
	if text, _ := os.ReadFile(existing); string(text) != "kept" {
		t.Errorf("the file that existed has %q now", text)
	}
}

// TestDiscardNeedsTheWholeFile writes to a device that is always full.
func TestDiscardNeedsTheWholeFile(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	s := newStage(t)
	bodies := s.users("InvalidRequest", 11)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	must(t, err)
	letters, _, err := s.program.record(t.Context(), s.open(), selection{}, full)
	if err == nil || len(letters) > 0 {
		t.Errorf("letters are to be discarded (%d) although the file is full: %v", len(letters), err)
	}
	s.expect(bodies, nil)
}

func TestNoFileIsLeftWhereNothingMatches(t *testing.T) {
	s := newStage(t)
	folder := t.TempDir()
	s.users("Throttled", 1)
	code, _, _ := s.run("discard", "-code", "InvalidRequest", "-yes", "-file", filepath.Join(folder, "letters.jsonl"))
	if files, _ := os.ReadDir(folder); code != exitNothing || len(files) > 0 {
		t.Errorf("exit code %d with the files %v, want %d and none", code, files, exitNothing)
	}
}

func TestDiscardInterruptedWhileItAsks(t *testing.T) {
	s := newStage(t)
	bodies := s.users("InvalidRequest", 3)
	in, never := io.Pipe()
	defer never.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	s.program.asks, s.program.in = true, in
	s.intercept = func(c *call) {
		c.do()
		if c.action == "ChangeMessageVisibilityBatch" {
			go func() { _, _ = never.Write(nil); interrupt() }() // Written once somebody reads.
		}
	}
	s.ctx = ctx
	code, _, err := s.run("discard", "-all", "-file", filepath.Join(t.TempDir(), "letters.jsonl"))
	s.ctx = t.Context()
	s.contains(err, "interrupted")
	if code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	s.expect(bodies, nil)
}

func TestLettersThatCouldNotBeDiscarded(t *testing.T) {
	s := newStage(t)
	file := filepath.Join(t.TempDir(), "letters.jsonl")
	bodies := s.users("InvalidRequest", 12)
	s.intercept = func(c *call) {
		if c.action == "DeleteMessageBatch" {
			c.only(func(i int) bool { return i > 0 })
			return
		}
		c.do()
	}
	code, _, err := s.run("discard", "-all", "-yes", "-file", file)
	s.contains(err, ": deleting it: the queue's answer has no result for it\n", "10 of 12 letters discarded: not all letters were discarded; all are in "+file+"\n")
	if left := s.in(s.deadLetters); code != exitPart || len(left) != 2 || !slices.Equal(s.written(file), bodies) {
		t.Errorf("exit code %d with %d letters left, want %d with 2", code, len(left), exitPart)
	}
}
