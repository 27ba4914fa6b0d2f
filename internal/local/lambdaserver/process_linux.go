package lambdaserver

import "syscall"

// processAttributes lets a process die with this one, however this one ends,
// and keeps a Ctrl-C in the terminal from it: it is stopped in good order.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
