package broker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"volundr/runtime/broker/journal"
	"volundr/runtime/broker/runner"
	"volundr/runtime/broker/wire"
	prepare "volundr/runtime/broker/workspace"
)

const (
	workspacePreparing = "preparing"
	workspaceReady     = "ready"
	workspaceFailed    = "failed"
)

// workspace is the state of the folder that the agent works in.
type workspace struct {
	ready   chan struct{} // closed when it is
	runner  *runner.Client
	config  wire.Config
	log     *slog.Logger
	journal *journal.Journal

	mu     sync.Mutex
	what   string
	detail string
	setup  bool
	silent string // the service that is waited for
	last   prepare.Report
}

// resumed says what ACP session the conversation goes on with.
func (s *workspace) resumed() (session string, instead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.Resume, s.last.Rewound != nil
}

// furnished says whether setup scripts ran in this start, and what one that
// failed printed last.
func (s *workspace) furnished() (setup bool, output string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setup, s.last.Output
}

// made notes how the workspace was made.
func (s *workspace) made(last prepare.Report) {
	s.mu.Lock()
	s.last = last
	s.mu.Unlock()
	if last.Rewound != nil {
		s.journal.Append("", wire.EntryRewound, last.Rewound)
	}
	if last.Trouble != "" {
		s.journal.Append("", wire.EntryError, wire.Note{Source: "workspace", Message: last.Trouble})
	}
}

func (s *workspace) state() (what, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.what, s.detail
}

func (s *workspace) set(what, detail string) {
	s.mu.Lock()
	s.what, s.detail = what, detail
	s.mu.Unlock()
}

// prepare has the agent's runner lay out the workspace, as the agent's user.
// A failure is final for this run; a runner that does not answer is not.
func (s *workspace) prepare(ctx context.Context) {
	if !s.served(ctx) {
		return
	}
	s.set(workspacePreparing, "Waiting for the agent's container")
	for {
		last, err := s.once(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && last.Failed != "":
			s.log.Warn("Workspace could not be prepared", "detail", last.Failed)
			s.mu.Lock()
			s.last = last
			s.mu.Unlock()
			s.set(workspaceFailed, last.Failed)
			return
		case err == nil && last.Done:
			s.made(last)
			s.set(workspaceReady, "")
			close(s.ready)
			return
		}
		s.log.Debug("Workspace not prepared yet", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *workspace) once(ctx context.Context) (last prepare.Report, err error) {
	order, err := json.Marshal(s.config)
	if err != nil {
		return last, err
	}
	p, err := s.runner.Start(ctx, []string{wire.Program, "prepare"}, "/", nil)
	if err != nil {
		return last, err
	}
	defer p.Close()
	stop := context.AfterFunc(ctx, func() { p.Close() })
	defer stop()
	if _, err := p.Write(append(bytes.ReplaceAll(order, []byte("\n"), nil), '\n')); err != nil {
		return last, err
	}
	for sc := bufio.NewScanner(p); sc.Scan(); {
		var r prepare.Report
		if json.Unmarshal(sc.Bytes(), &r) != nil {
			continue
		}
		last = r
		if r.Setup {
			s.mu.Lock()
			s.setup = true
			s.mu.Unlock()
		}
		if r.Detail != "" {
			s.set(workspacePreparing, r.Detail)
		}
	}
	if !last.Done && last.Failed == "" {
		if exit, tail, eerr := p.Ending(ctx); eerr == nil {
			s.log.Warn("Preparing the workspace broke off", "exit", exit, "output", tail)
		}
	}
	return last, nil
}
