package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"volundr/daemon/auth"
	"volundr/daemon/launch"
	"volundr/store"
	"volundr/ui/client"
)

// idle: how long a daemon takes to answer, and what it holds in memory when
// nobody asks anything of it; fresh, and with a thousand sessions in its store.
func idle(ctx context.Context, b *bench) (rows []row, err error) {
	const many = 1000
	var homes []*product
	for _, n := range []int{0, many} {
		p, err := b.install(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = first(err, p.remove(ctx)) }()
		if err := p.stop(); err != nil {
			return nil, err
		}
		if err := fill(ctx, p, n); err != nil {
			return nil, fmt.Errorf("store %d sessions: %w", n, err)
		}
		homes = append(homes, p)
	}
	starts, memory := make([]series, len(homes)), make([]series, len(homes))
	var bare series // the executable alone: loaded, ready, gone
	for i := range b.rounds {
		began := time.Now()
		if err := exec.CommandContext(ctx, b.volundr, "version").Run(); err != nil {
			return nil, err
		}
		bare.millis(time.Since(began))
		for j, p := range homes {
			took, err := p.start(ctx)
			if err != nil {
				return nil, err
			}
			starts[j].millis(took)
			if err := p.stop(); err != nil {
				return nil, err
			}
		}
		b.say("daemon %d/%d: start %.0f ms, with %d sessions %.0f ms, `volundr version` %.0f ms", i+1, b.rounds, starts[0][i], many, starts[1][i], bare[i])
	}
	for range 3 {
		for i, p := range homes {
			mb, err := p.settle(ctx)
			if err != nil {
				return nil, err
			}
			memory[i].add(mb)
		}
	}
	with := fmt.Sprintf(", %d sessions stored", many)
	return []row{
		measured("daemon start", "ms", starts[0]).against("`volundr version`", bare).atMost(150),
		measured("daemon start"+with, "ms", starts[1]).against("`volundr version`", bare).atMost(150),
		measured("idle memory", "MB", memory[0]).atMost(60),
		measured("idle memory"+with, "MB", memory[1]).atMost(60),
	}, nil
}

// fill stores n sessions that have run and were stopped.
func fill(ctx context.Context, p *product, n int) error {
	db, err := store.Open(filepath.Join(p.dir, "volundr.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	for i := range n {
		_, err := db.Adopt(ctx, store.Session{Name: fmt.Sprintf("session-%d", i), OwnerID: auth.Local.UserID, TenantID: auth.Local.TenantID,
			Runtime: "docker", Run: 1, CreatedAt: time.Now().Add(-time.Hour), Request: asked(i)})
		if err != nil {
			return err
		}
	}
	return nil
}

// asked is what one of many sessions was asked to be.
func asked(i int) []byte {
	raw, _ := json.Marshal(launch.Request{Agent: []string{"claude", "codex"}[i%2], Model: "claude-sonnet-4-6", Mode: "acceptEdits", Network: "open",
		Source: launch.Source{Type: "git", Repo: fmt.Sprintf("https://github.com/acme/service-%d.git", i%20), Branch: fmt.Sprintf("volundr/session/session-%d", i), BaseBranch: "main"},
		Env:    map[string]string{"LOG_LEVEL": "debug", "CI": "1"}, Setup: []string{"npm ci"}, CredentialNames: []string{"github"}, Resources: map[string]any{"cpu": "2", "memory": "4Gi"},
		InitialPrompt: strings.Repeat("Find out why the test of the login fails, mend it, and tell what was wrong. ", 5)})
	return raw
}

// settle starts the daemon, reads the list of its sessions as a page that is
// opened does, lets it rest, and gives its resident memory in MB.
func (p *product) settle(ctx context.Context) (float64, error) {
	if _, err := p.start(ctx); err != nil {
		return 0, err
	}
	if _, err := p.api.List(ctx, client.ListOptions{}); err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(5 * time.Second):
	}
	mb, err := p.resident(ctx)
	if err != nil {
		return 0, err
	}
	return mb, p.stop()
}

// resident is the daemon's resident memory in MB.
func (p *product) resident(ctx context.Context) (float64, error) {
	out, err := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(p.cmd.Process.Pid)).Output()
	if err != nil {
		return 0, fmt.Errorf("ask for the daemon's memory: %w", err)
	}
	kib, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return 0, err
	}
	return kib * 1024 / 1e6, nil
}
