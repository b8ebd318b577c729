package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"volundr/daemon/launch"
	"volundr/daemon/sandbox"
	"volundr/store"
	"volundr/ui/client"
)

// boxes plays the engine and the runtime of sandboxes.
type boxes struct{}

func (b *boxes) options(w *world, log *slog.Logger) sandbox.Options {
	return sandbox.Options{
		DB: w.db, Runtime: "fake", Standard: launch.SandboxRequest{Network: "none", Memory: 256 * mebi, Disk: 512 * mebi, CPU: 2000, PIDs: 128},
		Dial: func(context.Context, store.Session) (net.Conn, error) { return nil, errors.New("nobody is there") },
		Make: func(context.Context, store.Session) (store.Session, error) {
			return store.Session{}, errors.New("none can be made")
		},
		Ended: func() {}, Ready: func(context.Context) error { return nil }, Dir: filepath.Join(w.dir, "files"), Log: log,
		Limits: sandbox.Limits{Sandboxes: 4, Executions: 2, Commands: 4, Queue: 2, MaxTimeout: time.Minute, MaxOutput: 1_000_000,
			MaxLifetime: 24 * time.Hour, MaxFile: mebi, FilesTTL: time.Hour, FilesSize: 4 * mebi},
	}
}

func (b *boxes) choice() SandboxOptions {
	return SandboxOptions{Networks: []string{"none"}, MaxTimeout: time.Minute,
		Most:  launch.SandboxRequest{Memory: 4096 * mebi, Disk: 4096 * mebi, CPU: 8000, PIDs: 1024},
		Image: func() client.ImageStatus { return client.ImageStatus{State: "ready"} }}
}
