package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"volundr/runtime"
)

// way is one way to a program in a session.
type way struct {
	name       string
	addr, host string // to connect to, and to ask for
	http, ws   series // MB/s
	ask, echo  series // ms, round trips
}

// surfaces: a program in a session, through the product's proxy and without
// anything between (over the container's address). By exec is the way to
// sessions whose addresses cannot be dialled; it has no target.
func surfaces(ctx context.Context, b *bench) (rows []row, err error) {
	program, err := b.buildPeer(ctx)
	if err != nil {
		return nil, err
	}
	var direct, proxied, exec *way
	for _, env := range []string{"VOLUNDR_FORCE_EXEC=0", "VOLUNDR_FORCE_EXEC=1"} {
		p, err := b.install(ctx, env)
		if err != nil {
			return nil, err
		}
		defer func() { err = first(err, p.remove(ctx)) }()
		s, _, err := p.run(ctx)
		if err != nil {
			return nil, err
		}
		ip, err := b.runPeer(ctx, s.ID, program)
		if err != nil {
			return nil, err
		}
		host, err := p.preview(ctx, s.ID, peerPort)
		if err != nil {
			return nil, err
		}
		if direct == nil {
			direct = &way{name: "direct", addr: net.JoinHostPort(ip, peerPort), host: net.JoinHostPort(ip, peerPort)}
			proxied = &way{name: "proxied", addr: p.addr, host: host}
		} else {
			exec = &way{name: "by exec", addr: p.addr, host: host}
		}
	}
	ways := []*way{direct, proxied, exec}
	for i := range b.rounds {
		for _, w := range ways {
			if err := w.measure(ctx); err != nil {
				return nil, fmt.Errorf("%s: %w", w.name, err)
			}
		}
		b.say("surfaces %d/%d: HTTP direct %.0f, proxied %.0f, by exec %.0f MB/s", i+1, b.rounds, direct.http[i], proxied.http[i], exec.http[i])
	}
	return []row{
		measured("HTTP, proxied", "MB/s", proxied.http).against("direct", direct.http).atLeastOf(0.7),
		measured("HTTP, by exec", "MB/s", exec.http).against("direct", direct.http),
		measured("WebSocket, proxied", "MB/s", proxied.ws).against("direct", direct.ws).atLeastOf(0.7),
		measured("WebSocket, by exec", "MB/s", exec.ws).against("direct", direct.ws),
		measured("HTTP round trip, proxied", "ms", proxied.ask).against("direct", direct.ask).addsAtMost(0.5),
		measured("HTTP round trip, by exec", "ms", exec.ask).against("direct", direct.ask),
		measured("WebSocket round trip, proxied", "ms", proxied.echo).against("direct", direct.echo).addsAtMost(0.5),
		measured("WebSocket round trip, by exec", "ms", exec.echo).against("direct", direct.echo),
	}, nil
}

// runPeer starts the peer in a session's agent container and gives the
// session's address.
func (b *bench) runPeer(ctx context.Context, session string, program []byte) (ip string, err error) {
	all, err := b.engine.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(filters.Arg("label", runtime.LabelSession+"="+session))})
	if err != nil {
		return "", err
	}
	for _, c := range all {
		switch c.Labels[runtime.LabelPart] {
		case runtime.PartBroker:
			for _, n := range c.NetworkSettings.Networks {
				ip = n.IPAddress
			}
		case runtime.PartAgent:
			if err := b.startPeer(ctx, c.ID, program); err != nil {
				return "", err
			}
		}
	}
	return ip, poll(ctx, 20*time.Second, between, "the program in the session answers", func() (bool, error) {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(ip, peerPort), time.Second)
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	})
}
