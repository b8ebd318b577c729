package docker

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"volundr/runtime"
)

// dialled dials the broker's link until it answers, which it does soon after
// its start.
func dialled(t *testing.T, r *Runtime, id string) net.Conn {
	t.Helper()
	var conn net.Conn
	until(t, "the broker answers", func() bool {
		var err error
		conn, err = r.Dial(t.Context(), id, 0)
		return err == nil
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (r *Runtime) at(id string) address {
	r.dialer.mu.Lock()
	defer r.dialer.mu.Unlock()
	return r.dialer.addresses[id]
}

// After a restart a remembered address may be another session's. Nobody says so
// here: nothing watches.
func TestDialFindsASessionThatMoved(t *testing.T) {
	r, one := running(t, nil)
	two := session(t, one.Image)
	if err := r.Start(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	for _, s := range []runtime.Spec{one, two} {
		dialled(t, r, s.ID).Close()
	}
	r.dialer.mu.Lock()
	a, b := r.dialer.addresses[one.ID], r.dialer.addresses[two.ID]
	r.dialer.addresses[one.ID], r.dialer.addresses[two.ID] = b, a
	r.dialer.mu.Unlock()
	if a.ip == "" {
		t.Log("addresses cannot be dialled here: only the exec path is tested")
	}
	for _, s := range []runtime.Spec{one, two} {
		conn, err := r.Dial(t.Context(), s.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if r.at(one.ID) != a || r.at(two.ID) != b {
		t.Error("the wrong addresses are kept")
	}
}

func TestDialByExec(t *testing.T) {
	r, s := running(t, func(s *runtime.Spec) { s.Network = runtime.NetworkNone })
	dialled(t, r, s.ID)
	if r.at(s.ID).ip != "" {
		t.Fatalf("it has an address: %+v", r.at(s.ID))
	}
	carrier := func() *muxed {
		r.dialer.mu.Lock()
		defer r.dialer.mu.Unlock()
		if s := r.dialer.streams[s.ID]; s != nil {
			return s.exec
		}
		return nil
	}
	// forwarding runs a script for each process that forwards.
	forwarding := func(r *Runtime, script string) bool {
		exit, err := r.Exec(t.Context(), s.ID, runtime.ExecOptions{Part: runtime.PartBroker, Command: []string{"sh", "-c",
			"n=1; for p in /proc/[0-9]*; do if tr '\\0' ' ' < $p/cmdline | grep -q '^[^ ]*volundr-session forward'; then n=0; " + script + "; fi; done 2>/dev/null; exit $n"}})
		if err != nil {
			t.Fatal(err)
		}
		return exit == 0
	}

	t.Run("another part's restart leaves it alone", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		watching, events := make(chan error, 1), make(chan struct{}, 100)
		go func() { watching <- r.Watch(ctx, func() { events <- struct{}{} }) }()
		defer func() { cancel(); <-watching }()
		<-events // it stands
		before, now := carrier(), 0
		if err := r.api.ContainerRestart(t.Context(), r.containerName(s.ID, runtime.PartAgent), container.StopOptions{Timeout: &now}); err != nil {
			t.Fatal(err)
		}
		<-events // die
		<-events // start
		if carrier() != before || before.IsClosed() {
			t.Error("it is gone")
		}
	})
	t.Run("one for many", func(t *testing.T) {
		before := carrier()
		dialled(t, r, s.ID)
		if carrier() != before {
			t.Error("another one was made")
		}
	})
	t.Run("closing ends a read", func(t *testing.T) {
		c := dialled(t, r, s.ID)
		done := make(chan error, 1)
		go func() { _, err := io.ReadAll(c); done <- err }()
		c.Close()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Error("it reads on")
		}
	})
	t.Run("made again when it breaks", func(t *testing.T) {
		before := carrier()
		if !forwarding(r, "kill -9 ${p#/proc/}") {
			t.Fatal("nothing forwards")
		}
		<-before.CloseChan()
		dialled(t, r, s.ID)
	})
	t.Run("ends with the runtime", func(t *testing.T) {
		if !forwarding(r, ":") {
			t.Fatal("nothing forwards")
		}
		r.Close()
		other, err := New(t.Context(), r.opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { other.Close() })
		until(t, "nothing forwards", func() bool { return !forwarding(other, ":") })
	})
}
