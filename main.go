// Volundr runs coding agents in isolated sessions. This file only wires the
// command line to the daemon.
package main

import (
	"context"
	"os"

	"volundr/daemon"
	"volundr/ui/cli"
	"volundr/ui/tray"
)

var version = "dev" // set by the linker

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Daemon{
		Version: version,
		Serve:   daemon.Serve(version),
		Engine:  daemon.PrepareEngine,
		Image:   daemon.BuildImage,
		Doctor:  daemon.Doctor,
		Tray: func(ctx context.Context, d cli.Desk, l cli.Launch) error {
			return tray.Run(ctx, tray.Options(d), tray.Launch(l))
		},
		Lint:    daemon.Lint,
		Session: daemon.Session,
		Backups: daemon.Backups{Version: version},
	}))
}
