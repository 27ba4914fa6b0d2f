//go:build unix && !linux

package lambdaserver

import "syscall"

// processAttributes keeps a Ctrl-C in the terminal from a process: it is
// stopped in good order.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
