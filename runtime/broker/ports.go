package broker

import (
	"context"
	"slices"
	"sync"
	"time"

	"volundr/runtime/broker/runner"
	"volundr/runtime/broker/wire"
)

// ports is the list of listeners that was journalled last.
type ports struct {
	mu    sync.Mutex
	known []wire.Port
}

const lookForPorts = 2 * time.Second

// watchPorts writes down the ports that processes of the session listen on
// whenever they change.
func (b *Broker) watchPorts(ctx context.Context) {
	runners := []*runner.Client{b.runner, runner.NewClient(runner.Address("terminal")), runner.NewClient(runner.Address("editor"))}
	seen := numbers(b.ports.known)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookForPorts):
		}
		now := runner.Ports()
		if slices.Equal(numbers(now), seen) {
			continue
		}
		seen = numbers(now)
		for _, r := range runners {
			name(ctx, r, now)
		}
		b.ports.mu.Lock()
		b.ports.known = now
		b.ports.mu.Unlock()
		b.journal.Append("", wire.EntryPorts, now)
	}
}

func (b *Broker) listeners() []wire.Port {
	b.ports.mu.Lock()
	defer b.ports.mu.Unlock()
	return append([]wire.Port{}, b.ports.known...)
}

// name fills in the processes that a runner sees.
func name(ctx context.Context, r *runner.Client, list []wire.Port) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	theirs, err := r.Ports(ctx)
	if err != nil {
		return
	}
	for i := range list {
		for _, t := range theirs {
			if t.Port == list[i].Port && t.Process != "" {
				list[i].Process = t.Process
			}
		}
	}
}

func numbers(list []wire.Port) []int {
	n := make([]int, len(list))
	for i, p := range list {
		n[i] = p.Port
	}
	return n
}
