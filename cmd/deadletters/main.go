// Command deadletters looks at the dead-letter queue and takes letters out of it: back to the source queue, or away. It reads
// a queue without using it up: what it only looked at is there for others again when it ends, also where it fails or is
// interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"
)

// The exit codes. They are in the help text.
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitNothing
	exitPart
)

// exitError is an error with an exit code of its own.
type exitError struct {
	error

	code int
}

func (e *exitError) Unwrap() error { return e.error }

// program is one run with what is around it.
type program struct {
	in       io.Reader
	out, err io.Writer // what is asked for, and everything that is for people only
	asks     bool      // whether somebody sits at in
	draws    bool      // whether err is a terminal
	args     []string  // with the name of the program
	now      func() time.Time
	pace     pace
}

func main() {
	signal.Ignore(syscall.SIGPIPE) // Where a pipe ends early, such as into head, writing fails, and letters become visible again.
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it.
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // The second Ctrl-C ends the process at once.
	p := program{
		in:    os.Stdin,
		out:   os.Stdout,
		err:   os.Stderr,
		asks:  term.IsTerminal(int(os.Stdin.Fd())),
		draws: term.IsTerminal(int(os.Stderr.Fd())),
		args:  os.Args,
		now:   time.Now,
		pace:  careful,
	}
	code := p.run(ctx)
	stop()
	os.Exit(code)
}

// run returns the exit code.
func (p *program) run(ctx context.Context) int {
	err := p.command().Run(ctx, p.args)
	if err == nil {
		return exitDone
	}
	p.notef("deadletters: %v", err)
	if exit, ok := errors.AsType[*exitError](err); ok {
		return exit.code
	}
	if _, ok := errors.AsType[cli.ExitCoder](err); ok { // Help was wanted for a command that does not exist.
		return exitUsage
	}
	return exitFailed
}

// notef tells people something.
func (p *program) notef(format string, args ...any) { fmt.Fprintf(p.err, format+"\n", args...) }

// commandLine returns how this program is called with the arguments, ready to be pasted into a shell.
func (p *program) commandLine(args ...string) string {
	name := p.args[0]
	if strings.Contains(name, "go-build") { // Where go run puts it.
		name = "go run ./cmd/deadletters"
	} else {
		name = quote(name)
	}
	words := []string{name}
	for _, arg := range args {
		words = append(words, quote(arg))
	}
	return strings.Join(words, " ")
}

// quote returns the argument as a POSIX shell takes it.
func quote(arg string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./:,=@", r)
	}
	if arg != "" && strings.TrimFunc(arg, plain) == "" {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
