// Package workspace makes a fresh session's workspace: a clone by way of the
// broker's outside port, an unpacked archive, or nothing. It runs in the
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

	"volundr/runtime/broker/wire"
)

// Report is one line of what Prepare says.
type Report struct {
	Detail string `json:"detail,omitempty"` // what is going on
	Done   bool   `json:"done,omitempty"`
	Failed string `json:"failed,omitempty"` // a sentence: why it will not work
}

// Places of a session.
type Places struct {
	Workspace string // /workspace
	Home      string
	Skel      string // /etc/skel
	Outside   string // base URL of git: http://127.0.0.1:7422/git/
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
	err = Prepare(ctx, c, Places{
		Workspace: "/workspace", Home: home, Skel: "/etc/skel",
		Outside: fmt.Sprintf("http://127.0.0.1:%d%s", wire.OutsidePort, wire.OutsideGit),
	}, say)
	if err != nil {
		return enc.Encode(Report{Failed: err.Error()})
	}
	return enc.Encode(Report{Done: true})
}

// staging is the folder inside the workspace that a fresh tree is made in;
// with the file complete in it, all that is missing is to move its content.
const (
	staging  = ".volundr-prepare"
	complete = "complete"
	tree     = "tree"
)

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
	stage := filepath.Join(at.Workspace, staging)
	if s.Remote == "" {
		return nil
	}
	state, err := look(at.Workspace)
	if err != nil {
		return fmt.Errorf("The workspace cannot be read: %w. Check the owner of the volume.", err)
	}
	switch state {
	case taken:
		os.Remove(stage) // empty, where the last step was cut
		return nil
	case fresh:
		if err := os.RemoveAll(stage); err != nil {
			return fmt.Errorf("The workspace cannot be written: %w. Check the owner of the volume.", err)
		}
		if err := os.MkdirAll(filepath.Join(stage, tree), 0o755); err != nil {
			return fmt.Errorf("The workspace cannot be written: %w. Check the owner of the volume.", err)
		}
		if err := g.fill(ctx, filepath.Join(stage, tree), say); err != nil {
			os.RemoveAll(stage)
			return err
		}
		if err := finish(stage); err != nil {
			return fmt.Errorf("The workspace cannot be written: %w. Free space on the disk.", err)
		}
	}
	if err := move(stage, at.Workspace); err != nil {
		return fmt.Errorf("The workspace cannot be written: %w. Free space on the disk.", err)
	}
	return nil
}

type condition int

const (
	fresh    condition = iota // empty, or with a half-made tree
	unfinish                  // a made tree waits to be moved
	taken                     // somebody's work
)

func look(dir string) (condition, error) {
	if _, err := os.Stat(filepath.Join(dir, staging, complete)); err == nil {
		return unfinish, nil
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return taken, err
	}
	for _, e := range list {
		if e.Name() != staging && e.Name() != "lost+found" {
			return taken, nil
		}
	}
	return fresh, nil
}

// finish notes, on the disk, that the tree is whole.
func finish(stage string) error {
	f, err := os.Create(filepath.Join(stage, complete))
	if err != nil {
		return err
	}
	err = f.Sync()
	return errors.Join(err, f.Close())
}

// move puts what was made into the workspace; it may be repeated.
func move(stage, dir string) error {
	list, err := os.ReadDir(filepath.Join(stage, tree))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range list {
		if err := os.Rename(filepath.Join(stage, tree, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	// The mark goes last: with it gone the rest would be taken for a half-made tree.
	if err := os.RemoveAll(filepath.Join(stage, tree)); err != nil {
		return err
	}
	return os.RemoveAll(stage)
}
