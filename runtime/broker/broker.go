// Package broker is the part of a session that remembers: it speaks ACP to the
// agent, writes all that happens into the journal, and answers the daemon, and
// only the daemon, on the one port that is reachable from outside.
//
// It runs in a container and under a uid of its own, which owns the network
// namespace that agent, editor and terminal join. Nothing the agent does can
// end it.
package broker

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"volundr/runtime/broker/conversation"
	"volundr/runtime/broker/journal"
	"volundr/runtime/broker/runner"
	"volundr/runtime/broker/wire"
)

// Broker is one session's. Run makes it.
type Broker struct {
	config  wire.Config
	dir     string // the journal's
	key     ed25519.PublicKey
	log     *slog.Logger
	journal *journal.Journal
	links   *links
	outside *outside
	talk    *conversation.Conversation
	runner  *runner.Client
	space   workspace
	watcher *watcher
	probes  probes
	ports   ports
	points  checkpoints
	api     http.Handler
}

// Run serves the session until ctx ends. dir is the journal's folder.
func Run(ctx context.Context, config wire.Config, dir string, log *slog.Logger) error {
	key, err := base64.StdEncoding.DecodeString(config.DaemonKey)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return errors.New("the configuration has no valid daemon_key")
	}
	port, err := net.Listen("tcp", ":"+strconv.Itoa(wire.BrokerPort))
	if err != nil {
		return fmt.Errorf("listen for the daemon: %w", err)
	}
	defer port.Close()
	b := &Broker{config: config, dir: dir, key: key, log: log, links: newLinks()}
	b.runner = runner.NewClient(runner.Address("agent"))
	if config.Helper {
		b.api = b.helper()
		stop := context.AfterFunc(ctx, b.links.close)
		defer stop()
		b.servePort(ctx, port)
		return nil
	}
	inner, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(wire.OutsidePort))
	if err != nil {
		return fmt.Errorf("listen for the agent: %w", err)
	}
	defer inner.Close()
	j, err := journal.Open(dir, config.Run)
	if err != nil {
		return err
	}

	b.journal = j
	b.outside = &outside{links: b.links, hold: holdOutside}
	b.space = workspace{ready: make(chan struct{}), runner: b.runner, config: config, log: log, journal: j}
	b.watcher = &watcher{runner: b.runner, journal: j, log: log, ready: b.space.ready}
	var where func(context.Context, string, []string) map[string]string
	if config.Agent.Kind == "claude" {
		where = b.where
	}
	b.talk = conversation.New(conversation.Options{
		Config: config, Journal: j, Log: log, Start: b.startAgent,
		Ready: b.space.ready, Resume: b.space.resumed, Moved: b.outside.moved.Load,
		Spent:  b.outside.meter.Take,
		Before: b.takeCheckpoint,
		Began:  b.watcher.began, Ended: b.watcher.settle,
		Where: where,
	})
	b.outside.cut = b.talk.Cut
	b.ports.known = j.History().Ports
	b.api = b.routes()
	b.run(ctx, port, inner)
	return j.Close()
}

func (b *Broker) run(ctx context.Context, port, inner net.Listener) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	out := &http.Server{Handler: b.outside, ReadHeaderTimeout: 10 * time.Second}
	wg.Go(func() { out.Serve(inner) })
	wg.Go(func() { b.servePort(ctx, port) })
	wg.Go(func() { b.space.prepare(ctx) })
	wg.Go(func() { b.talk.Run(ctx) })
	wg.Go(func() { b.watcher.run(ctx) })
	wg.Go(func() { b.watchParts(ctx) })
	wg.Go(func() { b.watchPorts(ctx) })
	wg.Go(func() { b.warmCheckpoints(ctx) })
	<-ctx.Done()
	out.Close()
	b.links.close()
}

// startAgent starts the agent's process; where setup scripts come first, after
// them: they may write what it reads at its start.
func (b *Broker) startAgent(ctx context.Context, argv []string, dir string, env []string) (*runner.Process, error) {
	if len(b.config.Setup) > 0 {
		select {
		case <-b.space.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return b.runner.Start(ctx, argv, dir, env)
}
