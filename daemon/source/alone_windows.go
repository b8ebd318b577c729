package source

import (
	"os/exec"
	"syscall"
)

// alone keeps a command from the console.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true} }
