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
	"volundr/runtime/broker/wire"
)

const (
	watchedFiles = 5000
	restFor      = 5 * time.Second // of one measurement
)

// workspaceScript fills a session's workspace with a repository.
const workspaceScript = `cd /workspace && git init -q . && for d in $(seq 50); do mkdir -p d$d && for f in $(seq 100); do echo "$d $f" > d$d/f$f.txt; done; done &&
	git add . && git -c user.name=b -c user.email=b@example.org commit -qm files`

// spentScript prints a line for every thread of the watcher, with its CPU time in
// nanoseconds first. The command line is compared from its beginning: this
// script's own holds the watcher's name too.
const spentScript = `for p in /proc/[0-9]*; do
	case "$(tr '\0' ' ' <$p/cmdline 2>/dev/null)" in "` + wire.Program + ` watch "*) echo process; cat $p/task/*/schedstat;; esac
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
	made, err := b.spent(ctx, agent)
	if err != nil {
		return nil, err
	}
	if _, err := b.in(ctx, agent, workspaceScript); err != nil {
		return nil, err
	}
	before := made
	err = poll(ctx, 2*time.Minute, 3*time.Second, "the watcher has seen the files and rests", func() (bool, error) {
		now, err := b.spent(ctx, agent)
		calm := now > made && now-before < time.Millisecond // it cannot see them for nothing
		before = now
		return calm, err
	})
	if err != nil {
		return nil, err
	}
	var rest series
	for i := range b.rounds {
		began := time.Now()
		if before, err = b.spent(ctx, agent); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(restFor):
		}
		after, err := b.spent(ctx, agent)
		if err != nil {
			return nil, err
		}
		if after < before {
			return nil, fmt.Errorf("the watcher's CPU time went from %s to %s: a thread or all of it ended", before, after)
		}
		rest.add(100 * float64(after-before) / float64(time.Since(began)))
		b.say("watcher %d/%d: %.3f %% of a core", i+1, b.rounds, rest[i])
	}
	return []row{measured(fmt.Sprintf("watcher at rest, %d files", watchedFiles), "% of a core", rest).atMost(0.1)}, nil
}

// spent is the CPU time that the watcher in an agent's container has used.
func (b *bench) spent(ctx context.Context, agent string) (t time.Duration, err error) {
	said, err := b.in(ctx, agent, spentScript)
	if err != nil {
		return 0, err
	}
	processes := 0
	for line := range strings.Lines(said) {
		if line == "process\n" {
			processes++
			continue
		}
		text, _, _ := strings.Cut(line, " ")
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the watcher's CPU time: %w", err)
		}
		t += time.Duration(n)
	}
	if processes != 1 {
		return 0, fmt.Errorf("%d watchers run in the session", processes)
	}
	return t, nil
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
