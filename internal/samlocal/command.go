package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// patience is how long a command that is interrupted has to clean up after itself.
const patience = 30 * time.Second

// command returns a command that is interrupted once when ctx is done. A Ctrl-C in the terminal does not reach it: the SAM
// CLI would take it for a second one, and leave its container behind.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...) //nolint:gosec // What is run stands in this package.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = patience
	return c
}

// execute runs a command. Where it fails, the error is what it says, in one line.
func execute(c *exec.Cmd) error {
	var stderr strings.Builder
	c.Stderr = &stderr
	err := c.Run()
	if said := strings.Fields(stderr.String()); err != nil && len(said) > 0 {
		err = errors.New(strings.Join(said, " "))
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.Args[0], c.Args[1], err)
	}
	return nil
}

// output runs a command and returns what it prints.
func output(c *exec.Cmd) (string, error) {
	var stdout strings.Builder
	c.Stdout = &stdout
	err := execute(c)
	return strings.TrimSpace(stdout.String()), err
}
