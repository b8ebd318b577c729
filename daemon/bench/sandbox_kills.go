package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"volundr/ui/client"
)

const (
	tree = `setsid sh -c 'sleep 7777 & sleep 7777' & env -i setsid sleep 7777 & (setsid sh -c 'sleep 7777 & exit' &); sleep 0.2; echo begun; sleep 7777`
	// treeTime is what a command gets that shall run out of it.
	treeTime = 2500 * time.Millisecond
)

// kills: from the moment in which a command is out of time, cancelled or left by
// its client, until the last process that it started is dead, as this machine's
// kernel sees them.
func (m *meter) kills(ctx context.Context) (rows []row, err error) {
	h := m.cold
	id, _, err := h.create(ctx, client.SandboxCreate{})
	if err != nil {
		return nil, err
	}
	defer func() { err = first(err, h.api.DeleteSandbox(ctx, id)) }()
	for _, way := range []struct {
		name    string
		timeout time.Duration
		end     func(ctx context.Context, hangUp func(), run string) error // nil: by its time-out
	}{
		{"a timed-out command's processes are dead", treeTime, nil},
		{"a cancelled command's", time.Minute, func(ctx context.Context, _ func(), run string) error { return h.api.CancelRun(ctx, id, run) }},
		{"those of one whose client hung up", time.Minute, func(_ context.Context, hangUp func(), _ string) error { hangUp(); return nil }},
	} {
		var s series
		for range m.bench.rounds {
			took, err := h.killed(ctx, id, way.timeout, way.end)
			if err != nil {
				return rows, fmt.Errorf("%s: %w", way.name, err)
			}
			s.millis(took)
		}
		m.bench.say("%s: %.1f ms", way.name, s.median())
		rows = append(rows, measured(way.name, "ms", s).atMost(100))
	}
	return rows, nil
}

func (h *house) killed(ctx context.Context, id string, timeout time.Duration, end func(context.Context, func(), string) error) (time.Duration, error) {
	running, hangUp := context.WithTimeout(ctx, 2*time.Minute)
	defer hangUp()
	var run string
	begun, ended := make(chan struct{}, 1), make(chan error, 1)
	began := time.Now()
	go func() { // ends with running
		_, err := h.api.StreamBash(running, id, client.Bash{Cmd: tree, TimeoutMS: int(timeout.Milliseconds())}, func(r string) { run = r }, func(o client.Output) error {
			if strings.Contains(o.Data, "begun") {
				begun <- struct{}{}
			}
			return nil
		})
		ended <- err
	}()
	select {
	case <-begun:
	case err := <-ended:
		return 0, errors.Join(errors.New("the command ended early"), err)
	}
	pids, err := h.processes(ctx, id, "sleep 7777")
	if err != nil {
		return 0, err
	}
	if len(pids) < 4 {
		return 0, fmt.Errorf("only %d processes of the command are seen on this machine", len(pids))
	}
	from := began.Add(timeout)
	if end != nil {
		from = time.Now()
		if err := end(ctx, hangUp, run); err != nil {
			return 0, err
		}
	}
	err = poll(ctx, time.Minute, time.Millisecond, "all are dead", func() (bool, error) { return dead(pids), nil })
	took := time.Since(from)
	<-ended // well or not: it was killed
	return took, err
}

// processes are the numbers, on this machine, of a sandbox's processes that have
// text in their command line.
func (h *house) processes(ctx context.Context, id, text string) (pids []string, err error) {
	top, err := h.bench.engine.ContainerTop(ctx, id, []string{"-eo", "pid,args"})
	for _, p := range top.Processes {
		if strings.Contains(p[len(p)-1], text) {
			pids = append(pids, p[0])
		}
	}
	return pids, err
}

func dead(pids []string) bool {
	for _, pid := range pids {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			continue
		}
		if i := bytes.LastIndexByte(stat, ')'); i < 0 || !bytes.HasPrefix(stat[i:], []byte(") Z")) {
			return false
		}
	}
	return true
}
