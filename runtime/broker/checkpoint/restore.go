package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"time"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
)

// Restored is what going back came to.
type Restored struct {
	Rewound wire.Rewound    `json:"rewound"`
	Resume  pack.Resume     `json:"resume"` // the conversation to go on with
	Undo    wire.Checkpoint `json:"undo"`   // of the state before
}

// The intent to go back lies in the store while files are put back.
const intentFile = "intent"

type intent struct{ Checkpoint, Undo string }

// Restore puts workspace and conversation back to a checkpoint, after it has
// recorded what they are now. The agent must not be up. Killed in the middle,
// it is brought to its end by Finish.
func (at Places) Restore(ctx context.Context, id string, talk pack.Resume) (r Restored, err error) {
	if _, err := at.head(id); err != nil {
		return r, err
	}
	undo, err := at.take(ctx, "", talk)
	if err != nil {
		return r, fmt.Errorf("what would be lost could not be recorded, so nothing was changed: %w", err)
	}
	if _, err := at.head(id); err != nil {
		return r, err // the oldest, and pruned just now
	}
	r, err = at.carry(ctx, intent{id, undo.ID})
	r.Undo = undo.Checkpoint
	return r, err
}

// Finish brings to an end what a kill interrupted; done is false when there is
// nothing to do.
func (at Places) Finish(ctx context.Context) (r Restored, done bool, err error) {
	b, err := os.ReadFile(at.file(intentFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	var i intent
	if err == nil {
		err = json.Unmarshal(b, &i)
	}
	if err == nil {
		r, err = at.carry(ctx, i)
	}
	return r, err == nil, err
}

// carry goes back. It may be repeated.
func (at Places) carry(ctx context.Context, i intent) (r Restored, err error) {
	h, err := at.head(i.Checkpoint)
	if err != nil {
		return r, err
	}
	then, err := at.whole(h)
	if err != nil {
		return r, err
	}
	s, err := at.survey()
	if err != nil {
		return r, err
	}
	defer s.new.close()
	s.record = false
	if err := s.walk(ctx); err != nil {
		return r, err
	}
	now := &list{Items: s.items}
	b := &back{at: at, now: now, then: then, all: changes(now, then), undo: i.Undo, staged: map[string]string{}}
	if b.top, err = os.OpenRoot(at.Workspace); err != nil {
		return r, err
	}
	defer b.top.Close()
	err = b.stage(ctx)
	if err == nil {
		var said []byte
		if said, err = json.Marshal(i); err == nil {
			err = at.save(intentFile, said)
		}
	}
	if err != nil {
		pack.Clear(at.Workspace + "/" + Staging)
		when := time.Unix(0, now.Items[0].Time)
		b.top.Chtimes(".", when, when)
		return r, fmt.Errorf("nothing was changed: %w", err)
	}
	defer pack.Clear(at.Workspace + "/" + Staging)
	err = b.files()
	if err == nil {
		err = at.talkBack(h, i.Undo)
	}
	// What fails is told and can be asked for again; only a kill is made good.
	if rerr := os.Remove(at.file(intentFile)); err == nil {
		err = rerr
	}
	r.Rewound = wire.Rewound{Checkpoint: h.ID, Prompt: h.Prompt}
	r.Resume = h.Resume
	return r, err
}

// back is the way back of a workspace's files.
type back struct {
	at        Places
	top       *os.Root
	now, then *list
	all       []change
	undo      string
	staged    map[string]string // path → its file in Staging
}

// stage lays the contents that come back beside the workspace's, and checks
// them, before anything is changed.
func (b *back) stage(ctx context.Context) error {
	if err := pack.Clear(b.at.Workspace + "/" + Staging); err != nil {
		return err
	}
	if err := b.top.Mkdir(Staging, 0o700); err != nil {
		return err
	}
	for n, c := range b.all {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.then == nil || !c.then.Mode.IsRegular() || b.touched(c) {
			continue
		}
		name := path.Join(Staging, strconv.Itoa(n))
		f, err := b.top.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		err = b.at.copyTo(f, *c.then)
		if err == nil {
			err = f.Chmod(c.then.Mode)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		when := time.Unix(0, c.then.Time)
		if err := b.top.Chtimes(name, when, when); err != nil {
			return err
		}
		b.staged[c.then.Path] = name
	}
	return nil
}

// touched reports whether only mode or time of a file differ.
func (b *back) touched(c change) bool {
	return c.now != nil && c.now.Mode.IsRegular() && c.then.Mode.IsRegular() && c.now.Sum == c.then.Sum && c.now.Size == c.then.Size
}

// files changes the workspace.
func (b *back) files() error {
	for _, i := range b.now.Items { // or nothing could be changed in it
		if i.Mode.IsDir() && i.Mode&0o700 != 0o700 {
			if err := b.top.Chmod(i.Path, i.Mode|0o700); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	for _, c := range slices.Backward(b.all) {
		if c.now != nil && (c.then == nil || c.now.Mode.IsDir() != c.then.Mode.IsDir()) {
			if err := b.remove(*c.now); err != nil {
				return err
			}
		}
	}
	for _, c := range b.all {
		if c.then != nil {
			if err := b.put(c); err != nil {
				return fmt.Errorf("put back %q: %w", c.then.Path, err)
			}
		}
	}
	if err := pack.Clear(b.at.Workspace + "/" + Staging); err != nil {
		return err
	}
	for _, i := range slices.Backward(b.then.Items) {
		if !i.Mode.IsDir() {
			continue
		}
		if err := b.folder(i); err != nil && i.Path != "." {
			return err
		}
	}
	return nil
}

// folder gives a folder its mode and time back. One that has them is let be: it
// may be mounted read-only.
func (b *back) folder(i item) error {
	info, err := b.top.Lstat(i.Path)
	if err != nil {
		return err
	}
	when := time.Unix(0, i.Time)
	if info.Mode() != i.Mode {
		err = b.top.Chmod(i.Path, i.Mode)
	}
	if err == nil && !info.ModTime().Equal(when) {
		err = b.top.Chtimes(i.Path, when, when)
	}
	return err
}

// remove takes away what was not there. What git ignores stays, also in a
// folder that goes: it is moved aside where something else takes its place.
func (b *back) remove(i item) error {
	err := b.top.Remove(i.Path)
	if err == nil || errors.Is(err, fs.ErrNotExist) || !i.Mode.IsDir() {
		return ignoreGone(err)
	}
	for _, t := range b.then.Items {
		if t.Path == i.Path && !t.Mode.IsDir() {
			return b.top.Rename(i.Path, i.Path+".before-"+b.undo)
		}
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (b *back) put(c change) error {
	t := c.then
	switch {
	case t.Mode.IsDir():
		if err := b.top.Mkdir(t.Path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil // its mode and time come last
	case t.Mode.IsRegular() && b.staged[t.Path] == "":
		when := time.Unix(0, t.Time)
		return errors.Join(b.top.Chmod(t.Path, t.Mode), b.top.Chtimes(t.Path, when, when))
	case t.Mode.IsRegular():
		return b.top.Rename(b.staged[t.Path], t.Path)
	}
	name := path.Join(Staging, "link")
	if err := b.top.Symlink(t.Link, name); err != nil {
		return err
	}
	if err := pack.Stamp(b.top, name, time.Unix(0, t.Time)); err != nil {
		return err
	}
	return b.top.Rename(name, t.Path)
}
