package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"volundr/daemon/launch"
	inside "volundr/runtime/broker/sandbox"
	"volundr/runtime/broker/sandbox/sandboxtest"
	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/store/storetest"
)

var anna = store.Principal{UserID: "anna", TenantID: "t1"}

// world is a store and real runners on this machine, without an engine: what
// shall go is only marked so.
type world struct {
	*Sandboxes
	t  *testing.T
	mu sync.Mutex
	// Of runners, by id: all that were made, in order; dead ones do not answer.
	all  map[string]*sandboxtest.Sandbox
	made []string
	dead map[string]bool
	fail error // of the next makes
}

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(storetest.New(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &world{t: t, all: map[string]*sandboxtest.Sandbox{}, dead: map[string]bool{}}
	o := Options{DB: db, Runtime: "fake", Standard: launch.SandboxRequest{Network: "none", Memory: 64 << 20, Disk: 64 << 20},
		Dial: w.dial, Make: w.make, Ended: func() {}, Ready: func(context.Context) error { return nil },
		Dir: filepath.Join(dir, "files"), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Limits: Limits{Sandboxes: 10, Executions: 4, Commands: 4, Queue: 4, MaxTimeout: time.Minute, MaxOutput: 1000,
			MaxLifetime: time.Hour, MaxFile: 1 << 20, FilesTTL: time.Hour, FilesSize: 1 << 20, Pool: 2}}
	for _, c := range change {
		c(&o)
	}
	if w.Sandboxes, err = New(o); err != nil {
		t.Fatal(err)
	}
	return w
}

// run has the API look after what nobody asks for, until the test ends or end
// is called.
func (w *world) run() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	end = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(end)
	return end
}

func (w *world) make(ctx context.Context, s store.Session) (store.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return s, w.fail
	}
	s, err := w.DB.CreateSandbox(ctx, s)
	if err != nil {
		return s, err
	}
	w.all[s.ID] = sandboxtest.Start(w.t, func(o *inside.Options) {
		o.Config.LifetimeMS = (48 * time.Hour).Milliseconds()
		o.Config.First = &wire.Deadline{DeadlineMS: s.ExpiresAt.UnixMilli(), NowMS: time.Now().UnixMilli()}
	})
	w.made = append(w.made, s.ID)
	runs := s
	runs.State, runs.ReadyAt, runs.RetryAt, runs.Attempts = store.Running, time.Now(), time.Time{}, 0
	return w.DB.Conclude(ctx, s, runs)
}

func (w *world) dial(ctx context.Context, s store.Session) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead[s.ID] {
		return nil, errors.New("nobody answers")
	}
	return w.all[s.ID].Dial(ctx)
}

func (w *world) refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

// kill has a runner not answer any more.
func (w *world) kill(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead[id] = true
	w.guests.drop(id)
}

// ahead is how many sandboxes are there that nobody has claimed.
func (w *world) waiting() int {
	w.t.Helper()
	counts, err := w.DB.PoolCounts(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, c := range counts {
		n += c.Ready
	}
	return n
}

func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	limit := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(limit) {
			w.t.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}

func (w *world) create() Sandbox {
	w.t.Helper()
	s, err := w.Create(w.t.Context(), anna, Creation{TTL: time.Minute, Request: w.Standard})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// bash runs a command and gives what it prints.
func (w *world) bash(name, cmd string) (string, error) {
	r, err := w.Command(w.t.Context(), anna, name, Command{Cmd: cmd, Timeout: time.Minute})
	if err != nil {
		return "", err
	}
	defer r.Close()
	var out []byte
	_, err = r.Run(w.t.Context(), nil, func(_ bool, data []byte) error { out = append(out, data...); return nil })
	return string(out), err
}
