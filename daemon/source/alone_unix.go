//go:build unix

package source

import (
	"os/exec"
	"syscall"
)

// alone gives a command a session of its own: ssh finds no terminal to ask on,
// and the helpers it started end with it.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}
