package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// reserveCPU keeps this process off one CPU, which is for those that are measured. Where there is but one, it is shared.
func reserveCPU() (int, error) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return 0, fmt.Errorf("asking for the CPUs: %w", err)
	}
	reserved := 0
	for cpu := range len(all) * strconv.IntSize {
		if all.IsSet(cpu) {
			reserved = cpu
		}
	}
	if all.Count() == 1 {
		return reserved, nil
	}
	all.Clear(reserved)
	runtime.GOMAXPROCS(all.Count())
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0, fmt.Errorf("listing the threads: %w", err)
	}
	for _, thread := range threads { // Further ones have the CPUs of the one that starts them.
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return 0, fmt.Errorf("listing the threads: %w", err)
		}
		if err := unix.SchedSetaffinity(id, &all); err != nil {
			return 0, fmt.Errorf("leaving a CPU: %w", err)
		}
	}
	return reserved, nil
}

// startOn starts a command on a CPU. It has that one alone from the beginning: a runtime counts them when it starts.
func startOn(cpu int, cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var own, reserved unix.CPUSet
	reserved.Set(cpu)
	if err := unix.SchedGetaffinity(0, &own); err != nil {
		return fmt.Errorf("asking for the CPUs: %w", err)
	}
	if err := unix.SchedSetaffinity(0, &reserved); err != nil {
		return fmt.Errorf("choosing a CPU: %w", err)
	}
	defer func() { _ = unix.SchedSetaffinity(0, &own) }() // It was good before.
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return nil
}

// cpuTime returns the CPU time that a running process has used, in user and system mode, in all its threads.
func cpuTime(pid int) (time.Duration, error) {
	// The clock of a process has its inverted ID in the upper bits, and in the lower ones that it is the scheduler's: see the
	// kernel's include/linux/posix-timers_types.h.
	clock := int32(^pid<<3 | 2)
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

var highWaterMark = regexp.MustCompile(`(?m)^VmHWM:\s*(\d+) kB$`)

// peakMemory returns the most bytes that a running process has had resident.
func peakMemory(pid int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of process %d: %w", pid, err)
	}
	found := highWaterMark.FindSubmatch(status)
	if found == nil {
		return 0, fmt.Errorf("process %d has no VmHWM in its status", pid)
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	return kilobytes << 10, err //nolint:wrapcheck // Digits it is.
}
