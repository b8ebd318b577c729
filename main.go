// Volundr runs coding agents in isolated sessions. This file only wires the
// command line to the daemon.
package main

import (
	"os"

	"volundr/daemon"
	"volundr/ui/cli"
)

var version = "dev" // set by the linker

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Daemon{
		Version: version,
		Serve:   daemon.Serve(version),
		Engine:  daemon.PrepareEngine,
		Image:   daemon.BuildImage,
		Doctor:  daemon.Doctor,
	}))
}
