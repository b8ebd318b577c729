package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"volundr/daemon/launch"
	"volundr/daemon/sandbox"
	"volundr/runtime"
	inside "volundr/runtime/broker/sandbox"
	"volundr/runtime/broker/sandbox/sandboxtest"
	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// boxes plays the engine and the runtime of sandboxes: each is a real runner on
// this machine, without a container around it.
type boxes struct {
	w   *world
	mu  sync.Mutex
	all map[string]*sandboxtest.Sandbox
	not error // none can be made
}

func (b *boxes) options(log *slog.Logger) sandbox.Options {
	return sandbox.Options{
		DB: b.w.db, Runtime: "fake", Standard: launch.SandboxRequest{Network: "none", Memory: 256 * mebi, Disk: 512 * mebi, CPU: 2000, PIDs: 128},
		Dial: b.dial, Make: b.make, Ended: func() {}, Ready: func(context.Context) error { return nil },
		Dir: filepath.Join(b.w.dir, "files"), Log: log,
		Limits: sandbox.Limits{Sandboxes: 4, Executions: 2, Commands: 4, Queue: 2, MaxTimeout: time.Minute, MaxOutput: 100_000,
			MaxLifetime: 24 * time.Hour, MaxFile: mebi, FilesTTL: time.Hour, FilesSize: 4 * mebi},
	}
}

func (b *boxes) choice() SandboxOptions {
	return SandboxOptions{Networks: []string{"none"}, MaxTimeout: time.Minute,
		Most:  launch.SandboxRequest{Memory: 4096 * mebi, Disk: 4096 * mebi, CPU: 8000, PIDs: 1024},
		Image: func() client.ImageStatus { return client.ImageStatus{State: "ready"} }}
}

func (b *boxes) make(ctx context.Context, s store.Session) (store.Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.not != nil {
		return s, b.not
	}
	s, err := b.w.db.CreateSandbox(ctx, s)
	if err != nil {
		return s, err
	}
	b.all[s.ID] = sandboxtest.Start(b.w.t, func(o *inside.Options) {
		o.Config.LifetimeMS = (48 * time.Hour).Milliseconds()
		o.Config.First = &wire.Deadline{DeadlineMS: s.ExpiresAt.UnixMilli(), NowMS: time.Now().UnixMilli()}
	})
	runs := s
	runs.State, runs.ReadyAt, runs.RetryAt, runs.Attempts = store.Running, time.Now(), time.Time{}, 0
	return b.w.db.Conclude(ctx, s, runs)
}

func (b *boxes) dial(ctx context.Context, s store.Session) (net.Conn, error) {
	b.mu.Lock()
	box := b.all[s.ID]
	b.mu.Unlock()
	if box == nil {
		return nil, fmt.Errorf("dial %s: %w", s.Name, runtime.ErrNotFound)
	}
	return box.Dial(ctx)
}

// refuse has no sandbox be made any more; nil: they can be again.
func (b *boxes) refuse(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.not = err
}
