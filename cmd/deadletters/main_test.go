package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHelp(t *testing.T) {
	s := newStage(t)
	commands := []string{"list", "show", "redrive", "discard"}
	for _, flag := range []string{"-help", "--help", "-h"} {
		code, out, err := s.runRaw(flag)
		s.contains(out, commands...)
		s.contains(out, "EXIT CODES", "EXAMPLES", "\n  0  ", "\n  1  ", "\n  2  ", "\n  3  ", "\n  4  ")
		if code != exitDone || err != "" {
			t.Errorf("%s: exit code %d and %q, want %d and nothing", flag, code, err, exitDone)
		}
		for _, command := range commands {
			code, out, err := s.runRaw(command, flag)
			s.contains(out, "deadletters "+command+": ", "EXAMPLES\n  deadletters "+command, "\n  -queue-url URL ", "\n  -code CODE ", "\n  -older-than AGE ")
			if code != exitDone || err != "" || strings.Contains(out, " --") || strings.Contains(out, ", -h") {
				t.Errorf("%s %s: exit code %d and %q, %s", command, flag, code, err, out)
			}
		}
	}
}

func TestHelpIsNotTooWide(t *testing.T) {
	s := newStage(t)
	for _, args := range [][]string{{"-help"}, {"list", "-help"}, {"show", "-help"}, {"redrive", "-help"}, {"discard", "-help"}} {
		_, out, _ := s.runRaw(args...)
		for line := range strings.Lines(out) {
			if len(line) > 145 {
				t.Errorf("%s has a line of %d characters: %s", args, len(line), line)
			}
		}
	}
}

func TestCommandsThatDoNotExist(t *testing.T) {
	s := newStage(t)
	for args, want := range map[string]string{
		"":            "deadletters: give a command\nSee deadletters -help\n",
		"lst":         "deadletters: there is no command \"lst\"\nSee deadletters -help\n",
		"help":        "deadletters: there is no command \"help\"\nSee deadletters -help\n",
		"-yes":        "deadletters: flag provided but not defined: -yes\nSee deadletters -help\n",
		"list -yes":   "deadletters: flag provided but not defined: -yes\nSee deadletters -help\n",
		"list -x":     "deadletters: flag provided but not defined: -x\nSee deadletters -help\n",
		"-help lst":   "deadletters: No help topic for 'lst'\n",
		"discard -id": "deadletters: flag needs an argument: -id\nSee deadletters -help\n",
	} {
		code, out, err := s.runRaw(strings.Fields(args)...)
		if code != exitUsage || err != want || out != "" {
			t.Errorf("%q: exit code %d, %q and %q; want %d and %q", args, code, out, err, exitUsage, want)
		}
	}
}

func TestCommandLinesForAShell(t *testing.T) {
	for name, want := range map[string]string{
		"bin/deadletters":                              "bin/deadletters",
		"/home/me too/deadletters":                     "'/home/me too/deadletters'",
		"/tmp/go-build123/b001/exe/deadletters":        "go run ./cmd/deadletters",
		"/home/me/.cache/go-build/1a/1a2b/deadletters": "go run ./cmd/deadletters",
	} {
		p := program{args: []string{name}}
		args := []string{"redrive", "AZaz09", "-id", "a-b,c", "-code=@none", "https://a:1/b_c", "", "it's", "a b", "$x", "é"}
		if got := p.commandLine(args...); got != want+` redrive AZaz09 -id a-b,c -code=@none https://a:1/b_c '' 'it'\''s' 'a b' '$x' 'é'` {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// process returns the program as a process of its own.
func (s *stage) process(args ...string) *exec.Cmd {
	s.Helper()
	self, err := os.Executable()
	must(s.T, err)
	cmd := exec.CommandContext(s.ctx, self, args...)
	cmd.Env = append(os.Environ(), "DEADLETTERS=run")
	return cmd
}

// end starts a process, before any of its calls is answered, and waits for its end.
func (s *stage) end(cmd *exec.Cmd) (exitCode int) {
	s.Helper()
	s.mu.Lock()
	err := cmd.Start()
	s.mu.Unlock()
	must(s.T, err)
	_ = cmd.Wait() // The exit code says it.
	return cmd.ProcessState.ExitCode()
}

func TestLettersAreVisibleAfterAPipeThatEndsEarly(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	bodies := s.users("Throttled", 200)
	cmd := s.process("show", "-queue-url", s.deadLetters)
	out, err := cmd.StdoutPipe()
	must(t, err)
	var told strings.Builder
	cmd.Stderr = &told
	s.intercept = func(c *call) {
		if c.action == "ReceiveMessage" && c.count("ReceiveMessage") == 1 {
			_ = out.Close()
		}
		c.do()
	}
	if code := s.end(cmd); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	s.contains(told.String(), "writing the letters: ", "broken pipe")
	s.expect(bodies, nil)
}

func TestLettersAreVisibleAfterASignal(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			bodies := s.users("Throttled", 200)
			cmd := s.process("list", "-queue-url", s.deadLetters)
			var told strings.Builder
			cmd.Stderr = &told
			s.intercept = func(c *call) {
				c.do()
				if c.action == "ReceiveMessage" && c.count("ReceiveMessage") == 3 {
					_ = cmd.Process.Signal(signal)
				}
			}
			if code := s.end(cmd); code != exitFailed {
				t.Errorf("exit code %d, want %d", code, exitFailed)
			}
			if diff := cmp.Diff("deadletters: interrupted: what was not done yet is as it was\n", told.String()); diff != "" {
				t.Errorf("it says (-want +got):\n%s", diff)
			}
			s.expect(bodies, nil)
		})
	}
}

func TestARunUnderNohupGoesOn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.users("Throttled", 200)
	cmd := s.process("list", "-queue-url", s.deadLetters)
	cmd.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`}, cmd.Args...)
	cmd.Path = "/bin/sh"
	s.intercept = func(c *call) {
		if c.action == "ReceiveMessage" {
			_ = cmd.Process.Signal(syscall.SIGHUP)
		}
		c.do()
	}
	if code := s.end(cmd); code != exitDone {
		t.Errorf("exit code %d, want %d", code, exitDone)
	}
}

// TestTheSecondCtrlCEndsAtOnce has the queue not answer any more.
func TestTheSecondCtrlCEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.users("Throttled", 1)
	cmd := s.process("list", "-queue-url", s.deadLetters)
	s.intercept = func(c *call) {
		c.do()
		if c.action != "ReceiveMessage" {
			return
		}
		again := time.NewTicker(10 * time.Millisecond)
		defer again.Stop()
		for c.request.Context().Err() == nil {
			_ = cmd.Process.Signal(os.Interrupt) // It may be gone.
			<-again.C
		}
	}
	if code := s.end(cmd); code != -1 {
		t.Errorf("exit code %d, want that of a signal", code)
	}
}

func TestNobodyIsAskedWithoutATerminal(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	bodies := s.users("Throttled", 1)
	for name, in := range map[string]io.Reader{"nothing": nil, "a pipe": strings.NewReader("1\n")} {
		cmd := s.process("discard", "-all", "-queue-url", s.deadLetters)
		cmd.Stdin = in
		out, err := cmd.CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitUsage || !strings.Contains(string(out), "there is no terminal to ask at: give -yes") {
			t.Errorf("with %s on standard input it ends with %v and says %s", name, err, out)
		}
	}
	s.expect(bodies, nil)
}
