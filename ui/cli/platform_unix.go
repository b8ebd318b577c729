//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// notifyResize has ch told when the terminal's size changes.
func notifyResize(ch chan<- os.Signal) { signal.Notify(ch, syscall.SIGWINCH) }
