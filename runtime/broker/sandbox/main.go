package sandbox

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/wire"
)

// Workspace is where a sandbox's files lie.
const Workspace = "/workspace"

// threads is how many the runner has from the start. What it does needs a few
// at once; more would have to be made when there may be no room for one.
const threads = 16

// Main serves the sandbox that this container is, until its deadline, the
// daemon's word or the end of ctx. It calls ready once connections are taken, with
// what takes one that comes by another way than the port.
func Main(ctx context.Context, config wire.Config, log *slog.Logger, ready func(take func(net.Conn))) error {
	if config.Sandbox == nil {
		return errors.New("the configuration is not a sandbox's")
	}
	key, err := base64.StdEncoding.DecodeString(config.DaemonKey)
	if err != nil {
		return errors.New("the configuration has no valid daemon_key")
	}
	ln, err := net.Listen("tcp", ":"+strconv.Itoa(wire.BrokerPort))
	if err != nil {
		return fmt.Errorf("listen for the daemon: %w", err)
	}
	defer ln.Close()
	return serve(ctx, Options{Session: config.Session, Key: key, Workspace: Workspace, Config: *config.Sandbox, Log: log}, ln, ready)
}

// serve makes this process fit to live among commands of the same user, and
// serves them.
func serve(ctx context.Context, o Options, ln net.Listener, ready func(take func(net.Conn))) error {
	os.Unsetenv(wire.EnvConfig)
	if home := os.Getenv("HOME"); home == "" || home == "/" {
		os.Setenv("HOME", "/tmp")
	}
	unix.Umask(0o022)
	// It must be open before Untraceable: from then on it belongs to root.
	oom, err := os.OpenFile("/proc/self/oom_score_adj", os.O_RDWR, 0)
	if err != nil {
		o.Log.Warn("Commands are as likely as the runner to be ended for want of memory", "error", err)
		oom = nil
	}
	Untraceable()
	Reserve(threads)
	debug.SetMemoryLimit(48 << 20)
	// Signals of commands are heard and do nothing: unheard, some would end a
	// program in Go. main hears those that end the sandbox.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals)
	defer signal.Stop(signals)

	o.Env, o.init, o.oom = os.Environ(), os.Getpid() == 1, oom
	s, err := New(o)
	if err != nil {
		return err
	}
	ready(s.connect)
	s.Serve(ctx, ln)
	return nil
}

// Untraceable keeps other processes of this user from tracing this one, and
// from its memory, environment and descriptors. What it starts can be traced.
func Untraceable() { unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

// Reserve makes n threads, which the Go runtime keeps and uses before it makes
// new ones: when it needs one at the limit of processes, it ends the program.
func Reserve(n int) {
	var ready, done sync.WaitGroup
	release := make(chan struct{})
	ready.Add(n)
	for range n {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-release
		})
	}
	ready.Wait()
	close(release)
	done.Wait()
}
