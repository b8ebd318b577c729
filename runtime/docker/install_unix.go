//go:build unix

package docker

import "syscall"

// detached keeps a started engine alive when our terminal goes away.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
