package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/pkg/stdcopy"

	"volundr/runtime"
)

const (
	watchedFiles = 5000
	restFor      = 5 * time.Second // of one measurement
)

// workspace fills a session's workspace with a repository.
const workspaceScript = `cd /workspace && git init -q . && for d in $(seq 50); do mkdir -p d$d && for f in $(seq 100); do echo "$d $f" > d$d/f$f.txt; done; done &&
	git add . && git -c user.name=b -c user.email=b@example.org commit -qm files`

// spent prints, in nanoseconds, the CPU time of every thread of the watcher.
const spent = `for p in /proc/[0-9]*; do
	case "$(tr '\0' ' ' <$p/cmdline 2>/dev/null)" in *"volundr-session watch "*) cat $p/task/*/schedstat;; esac
done`

// watcher: the CPU time of the program that watches a session's workspace, while
// nothing happens in it.
func watcher(ctx context.Context, b *bench) (rows []row, err error) {
	p, err := b.install(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = first(err, p.remove(ctx)) }()
	s, _, err := p.run(ctx)
	if err != nil {
		return nil, err
	}
	agent, err := b.agent(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	if _, err := b.in(ctx, agent, workspaceScript); err != nil {
		return nil, err
	}
	used := func() (ns float64, err error) {
		said, err := b.in(ctx, agent, spent)
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(said) {
			n, err := strconv.ParseFloat(strings.Fields(line + " 0")[0], 64)
			if err != nil {
				return 0, fmt.Errorf("read the watcher's CPU time: %w", err)
			}
			ns += n
		}
		if ns == 0 {
			return 0, fmt.Errorf("session %s has no watcher", s.ID)
		}
		return ns, nil
	}
	var rest series
	before := float64(0)
	err = poll(ctx, 2*time.Minute, 3*time.Second, "the watcher has seen its files", func() (bool, error) {
		now, err := used()
		calm := now-before < float64(10*time.Millisecond)
		before = now
		return calm, err
	})
	if err != nil {
		return nil, err
	}
	for i := range b.rounds {
		began := time.Now()
		if before, err = used(); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(restFor):
		}
		after, err := used()
		if err != nil {
			return nil, err
		}
		rest.add(100 * (after - before) / float64(time.Since(began)))
		b.say("watcher %d/%d: %.3f %% of a core", i+1, b.rounds, rest[i])
	}
	return []row{measured(fmt.Sprintf("watcher at rest, %d files", watchedFiles), "% of a core", rest).atMost(0.1)}, nil
}

// agent is the container in which a session's agent runs.
func (b *bench) agent(ctx context.Context, session string) (string, error) {
	all, err := b.engine.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(
		filters.Arg("label", runtime.LabelSession+"="+session), filters.Arg("label", runtime.LabelPart+"="+runtime.PartAgent))})
	if err != nil {
		return "", err
	}
	if len(all) != 1 {
		return "", fmt.Errorf("session %s has %d agents", session, len(all))
	}
	return all[0].ID, nil
}

// in runs a script in a container, as its user, and gives what it printed.
func (b *bench) in(ctx context.Context, id, script string) (string, error) {
	e, err := b.engine.ContainerExecCreate(ctx, id, container.ExecOptions{Cmd: []string{"sh", "-c", script}, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return "", err
	}
	io, err := b.engine.ContainerExecAttach(ctx, e.ID, container.ExecAttachOptions{})
	if err != nil {
		return "", err
	}
	defer io.Close()
	var out, wrong bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &wrong, io.Reader); err != nil {
		return "", err
	}
	end, err := b.engine.ContainerExecInspect(ctx, e.ID)
	if err == nil && end.ExitCode != 0 {
		err = fmt.Errorf("a script in the session ended with %d: %s", end.ExitCode, wrong.String())
	}
	return out.String(), err
}
