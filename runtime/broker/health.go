package broker

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"volundr/runtime/broker/wire"
)

// probes is what the surfaces answered last.
type probes struct {
	mu               sync.Mutex
	editor, terminal bool
}

const (
	probeSoon  = 50 * time.Millisecond // until both surfaces answered
	probeLater = 5 * time.Second
)

// watchParts asks editor and terminal for their pages until ctx ends.
func (b *Broker) watchParts(ctx context.Context) {
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		editor := answers(ctx, client, wire.EditorPort, func(code int) bool { return code == http.StatusOK })
		terminal := answers(ctx, client, wire.TerminalPort, func(code int) bool { return code < 500 })
		b.probes.mu.Lock()
		b.probes.editor, b.probes.terminal = editor, terminal
		b.probes.mu.Unlock()
		pause := probeLater
		if !editor || !terminal {
			pause = probeSoon
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func answers(ctx context.Context, c *http.Client, port int, good func(int) bool) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", port), nil)
	if err != nil {
		return false
	}
	res, err := c.Do(req)
	if err != nil {
		return false
	}
	io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	res.Body.Close()
	return good(res.StatusCode)
}

// health is the whole pod's.
func (b *Broker) health() wire.Health {
	b.probes.mu.Lock()
	h := wire.Health{Editor: b.probes.editor, Terminal: b.probes.terminal}
	b.probes.mu.Unlock()
	var space string
	h.Service = b.space.waitsFor()
	h.Workspace, space = b.space.state()
	h.Setup, h.Output = b.space.furnished()
	agent := b.talk.State()
	h.Agent, h.Busy, h.Waiting = agent.Ready, agent.Busy, agent.Waiting
	h.Failed = h.Workspace == workspaceFailed || agent.Failed
	switch {
	case h.Workspace == workspaceFailed, space != "" && h.Workspace != workspaceReady:
		h.Detail = space
	case agent.Failed, !h.Agent:
		h.Detail = agent.Detail
	case !h.Editor || !h.Terminal:
		h.Detail = "Waiting for " + waitingFor(h) + " to answer"
	default:
		h.Detail = agent.Detail
	}
	return h
}

func waitingFor(h wire.Health) string {
	var names []string
	if !h.Editor {
		names = append(names, "the editor")
	}
	if !h.Terminal {
		names = append(names, "the terminal")
	}
	return strings.Join(names, " and ")
}
