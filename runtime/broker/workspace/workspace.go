// Package workspace makes a fresh session's workspace: a clone by way of the
// broker's outside port, an unpacked archive, the state that another session
// left, or nothing. It runs in the
// agent's container as the agent's user, and may be killed at any point: the
// next run goes on or begins anew. A workspace that holds anything is never
// touched.
package workspace

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"volundr/runtime/broker/checkpoint"
	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
)

// Report is one line of what Prepare says.
type Report struct {
	Detail string `json:"detail,omitempty"` // what is going on
	Done   bool   `json:"done,omitempty"`
	Failed string `json:"failed,omitempty"` // a sentence: why it will not work
	Setup  bool   `json:"setup,omitempty"`  // a setup script runs
	Output string `json:"output,omitempty"` // what the one that failed printed last
	// When it is done: the ACP session that a fresh conversation goes on with,
	// and, where a kill had interrupted going back to a checkpoint, that it was
	// brought to its end (the conversation then goes on with Resume in any case),
	// or a sentence why not.
	Resume  string        `json:"resume,omitempty"`
	Rewound *wire.Rewound `json:"rewound,omitempty"`
	Trouble string        `json:"trouble,omitempty"`
}

// Places of a session.
type Places struct {
	Workspace string // /workspace
	Home      string
	Skel      string // /etc/skel
	Outside   string // base URL of git: http://127.0.0.1:7422/git/
	Blobs     string // base URL of packs: http://127.0.0.1:7422/blobs/
	Files     string // URL of the files from the user's machine
}

// Main reads a configuration (one JSON line) and writes reports.
func Main(ctx context.Context, in io.Reader, out io.Writer) error {
	line, err := bufio.NewReader(in).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	var c wire.Config
	if err := json.Unmarshal(line, &c); err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	say := func(detail string) { enc.Encode(Report{Detail: detail}) }
	at := Places{
		Workspace: "/workspace", Home: home, Skel: "/etc/skel",
		Outside: fmt.Sprintf("http://127.0.0.1:%d%s", wire.OutsidePort, wire.OutsideGit),
		Blobs:   fmt.Sprintf("http://127.0.0.1:%d%s", wire.OutsidePort, wire.OutsideBlobs),
		Files:   fmt.Sprintf("http://127.0.0.1:%d%s", wire.OutsidePort, wire.OutsideFiles),
	}
	err = Prepare(ctx, c, at, say)
	if err == nil {
		err = Furnish(ctx, c, at, func(r Report) { enc.Encode(r) })
	}
	var failed *SetupError
	if errors.As(err, &failed) {
		return enc.Encode(Report{Failed: err.Error(), Output: failed.Output})
	}
	if err != nil {
		return enc.Encode(Report{Failed: err.Error()})
	}
	return enc.Encode(goOn(ctx, c, home))
}

// goOn says what the conversation goes on with.
func goOn(ctx context.Context, c wire.Config, home string) Report {
	done := Report{Done: true}
	if r, ok := pack.Resumed(home); ok && r.Agent == c.Agent.Kind {
		done.Resume = r.Session
	}
	at, err := checkpoint.Here()
	if err != nil {
		return done
	}
	switch back, was, err := at.Finish(ctx); {
	case err != nil:
		done.Trouble = fmt.Sprintf("Going back to an earlier state was interrupted and could not be brought to its end (%v). Go back once more.", err)
	case was:
		done.Rewound, done.Resume = &back.Rewound, back.Resume.Session
	}
	return done
}

// Prepare makes the workspace. Its error is a sentence for people.
func Prepare(ctx context.Context, c wire.Config, at Places, say func(string)) error {
	if err := Skel(at.Skel, at.Home); err != nil {
		return fmt.Errorf("The home folder cannot be written: %w. Check the disk and the owner of the volume.", err)
	}
	if err := agentFiles(c, at.Home); err != nil {
		return fmt.Errorf("The home folder cannot be written: %w. Check the disk and the owner of the volume.", err)
	}
	s := c.Source
	g := git{at: at, source: s}
	if err := g.configure(ctx); err != nil {
		return err
	}
	if s.Remote != "" || s.Workspace != "" {
		if err := g.lay(ctx, say); err != nil {
			return err
		}
	}
	return g.remembered(ctx, say)
}

// lay makes the workspace unless it holds anything.
func (g git) lay(ctx context.Context, say func(string)) error {
	place := pack.Place{Dir: g.at.Workspace}
	state, err := place.Look()
	if err != nil {
		return fmt.Errorf("The workspace cannot be read: %w. Check the owner of the volume.", err)
	}
	var told error // already a sentence
	switch state {
	case pack.Taken:
		os.Remove(filepath.Join(place.Dir, pack.Staging)) // empty, where the last step was cut
		return nil
	case pack.Staged:
		err = place.Move()
	case pack.Fresh:
		err = place.Fill(func(dir string) error {
			if g.source.Workspace != "" {
				told = g.continued(ctx, dir, say)
			} else {
				told = g.fill(ctx, dir, say)
			}
			return told
		})
	}
	if told != nil {
		return told
	}
	if err != nil {
		return fmt.Errorf("The workspace cannot be written: %w. Check the owner of the volume and the space on the disk.", err)
	}
	return nil
}
