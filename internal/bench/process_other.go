//go:build !linux

package main

import (
	"errors"
	"os/exec"
	"time"
)

var errNotLinux = errors.New("this measures on Linux only, which Lambda has: run it there, or in a container")

func reserveCPU() (int, error)           { return 0, errNotLinux }
func startOn(int, *exec.Cmd) error       { return errNotLinux }
func cpuTime(int) (time.Duration, error) { return 0, errNotLinux }
func peakMemory(int) (int, error)        { return 0, errNotLinux }
