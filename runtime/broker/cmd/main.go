// Command volundr-session is the program inside every container of a session:
// the broker that remembers, and the runner that supervises.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/hashicorp/yamux"

	"volundr/runtime/broker"
	"volundr/runtime/broker/checkpoint"
	"volundr/runtime/broker/loopback"
	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/runner"
	"volundr/runtime/broker/sandbox"
	"volundr/runtime/broker/secret"
	"volundr/runtime/broker/transcript"
	"volundr/runtime/broker/watch"
	"volundr/runtime/broker/wire"
	"volundr/runtime/broker/workspace"
)

const usage = `usage: volundr-session broker                  hold the session's journal and speak to its agent
       volundr-session runner [-- command …]   supervise a command, run what the broker orders
       volundr-session prepare                 make the workspace (configuration on stdin)
       volundr-session pack WHAT               write workspace, context or a volume to stdout
       volundr-session unpack WHAT             lay what comes on stdin into an empty place
       volundr-session watch                   tell what happens in the workspace (orders on stdin)
       volundr-session checkpoint …            record workspace and conversation, put them back
       volundr-session where SESSION CALL …    say in which folders Claude Code gave commands
       volundr-session sandbox                 run commands and keep files for the daemon, until the deadline
       volundr-session forward                 carry connections to the broker over stdin and stdout
       volundr-session mcp NAME -- command …   become an MCP server, with the secrets that it needs
       volundr-session keep                    do nothing until ended`

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:], log); err != nil {
		fmt.Fprintln(os.Stderr, "volundr-session:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, log *slog.Logger) error {
	role := ""
	if len(args) > 0 {
		role, args = args[0], args[1:]
	}
	switch role {
	case "broker":
		c, err := config()
		if err != nil {
			return err
		}
		return broker.Run(ctx, c, journalDir, log)
	case "runner":
		if len(args) > 0 && args[0] == "--" {
			args = args[1:]
		}
		return supervise(ctx, args, log)
	case "prepare":
		return workspace.Main(ctx, os.Stdin, os.Stdout)
	case "pack":
		return pack.Main(ctx, args, os.Stdout, os.Stderr)
	case "checkpoint":
		return checkpoint.Main(ctx, args, os.Stdout, os.Stderr)
	case "unpack":
		return pack.MainUnpack(args, os.Stdin, os.Stderr)
	case "watch":
		return watch.Main(ctx, os.Stdin, os.Stdout, log)
	case "where":
		return transcript.Main(args, os.Stdout)
	case "sandbox":
		c, err := config()
		if err != nil {
			return err
		}
		// The daemon that starts this container holds its input and output. Until
		// it goes, or this process, connections come that way, and are answered
		// where they arrive.
		return sandbox.Main(ctx, c, log, func(take func(net.Conn)) {
			go carry(ctx, kept{}, func(c net.Conn) { take(half{c}) })
		})
	case "forward":
		return forward(ctx)
	case "mcp":
		return tools(ctx, args)
	case "keep":
		return runner.Run(ctx, runner.Options{Log: log})
	}
	return fmt.Errorf("unknown role %q\n%s", role, usage)
}

const journalDir = "/journal"

func config() (c wire.Config, err error) {
	raw := os.Getenv(wire.EnvConfig)
	if raw == "" {
		return c, fmt.Errorf("%s is not set", wire.EnvConfig)
	}
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		return c, fmt.Errorf("read %s: %w", wire.EnvConfig, err)
	}
	return c, nil
}

// supervise is the runner's role. Without a configuration it serves nobody.
func supervise(ctx context.Context, argv []string, log *slog.Logger) error {
	o := runner.Options{Command: argv, Log: log}
	helper := false
	if os.Getenv(wire.EnvConfig) != "" {
		c, err := config()
		if err != nil {
			return err
		}
		o.Listen, helper = runner.Address(c.Part), c.Helper
		os.Unsetenv(wire.EnvConfig)
		os.Setenv(watch.EnvPart, c.Part) // the shells' hooks ask for it
		if c.Secrets {
			if err := secret.Take(ctx, secret.Here()); err != nil {
				return err
			}
		}
	}
	if home, err := os.UserHomeDir(); err == nil && !helper { // a helper's home may have to be empty
		if err := workspace.Skel("/etc/skel", home); err != nil {
			log.Warn("Defaults could not be laid into the home folder", "error", err)
		}
	}
	return runner.Run(ctx, o)
}

// forward carries yamux streams from stdin and stdout each to a connection of
// its own to the broker, for engines that are reached only by exec.
//
// In a sandbox commands run as the same user: they may fill up the limit of
// processes, and must not read what passes here.
func forward(ctx context.Context) error {
	sandbox.Untraceable()
	sandbox.Reserve(4)
	return carry(ctx, stdio{}, func(c net.Conn) {
		conn, err := toBroker()
		if err != nil {
			c.Close()
			return
		}
		loopback.Pipe(half{c}, conn)
	})
}

// carry takes connections from a stream for as long as the daemon's end is
// there.
func carry(ctx context.Context, over io.ReadWriteCloser, take func(net.Conn)) error {
	c := yamux.DefaultConfig()
	c.LogOutput = io.Discard
	c.MaxStreamWindowSize = 1 << 20
	s, err := yamux.Server(wire.WholeFrames(over), c)
	if err != nil {
		return err
	}
	defer s.Close()
	context.AfterFunc(ctx, func() { s.Close() })
	for {
		stream, err := s.Accept()
		if err != nil {
			return nil // the daemon's end is gone
		}
		go take(stream)
	}
}

// toBroker connects to the broker's port. The forwarder of a sandbox is started
// beside its first process, which may not listen yet.
func toBroker() (conn net.Conn, err error) {
	const patience, pause = 2 * time.Second, 2 * time.Millisecond
	for began := time.Now(); time.Since(began) < patience; time.Sleep(pause) {
		if conn, err = net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(wire.BrokerPort)); !errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
	}
	return conn, err
}

// half closes one direction of a stream, which is what yamux calls Close: a
// reader would wait on.
type half struct{ net.Conn }

func (h half) CloseWrite() error { return h.Conn.Close() }

func (h half) Close() error {
	_ = h.SetReadDeadline(time.Unix(1, 0))
	return h.Conn.Close()
}

// kept is stdio whose descriptors stay: what else would get their numbers is
// taken for standard input and output by what is started later.
type kept struct{ stdio }

func (kept) Close() error { return nil }

// stdio is standard input and output as one connection.
type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdio) Close() error {
	os.Stdin.Close()
	return os.Stdout.Close()
}
