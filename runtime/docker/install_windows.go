package docker

import "syscall"

// detached is never used: engines are started by hand on Linux only.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
