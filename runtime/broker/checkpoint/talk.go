package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// talkBack puts the files of a conversation back to where they were. What they
// hold beyond that is kept for the checkpoints that go further.
func (at Places) talkBack(h head, undo string) error {
	for n, p := range h.Talk {
		live := filepath.Join(at.Home, p.Path)
		info, err := os.Stat(live)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && p.Copy == "" && info.Size() == p.Length {
			continue
		}
		if err == nil {
			if err := at.setAside(p, live, fmt.Sprintf("talk-%s-%d", undo, n)); err != nil {
				return err
			}
		}
		from := live
		if p.Copy != "" {
			from = at.file(p.Copy)
		}
		if err := replace(from, p.Length, live); err != nil {
			return err
		}
	}
	if h.Resume.Agent != "codex" {
		return nil
	}
	// They say again, in absolute numbers, what the transcripts hold, and are
	// made anew from these.
	stale, err := filepath.Glob(filepath.Join(at.Home, ".codex", "*.sqlite*"))
	for _, f := range stale {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

// setAside copies a transcript into the store and has the checkpoints that need
// more of it than p, or something else than p, name the copy.
func (at Places) setAside(p position, live, name string) error {
	// A copy that is there was made before a kill, and the live file may be the
	// shorter one by now.
	if _, err := os.Stat(at.file(name)); err != nil {
		info, err := os.Stat(live)
		if err != nil {
			return err
		}
		if err := replace(live, info.Size(), at.file(name)); err != nil {
			return err
		}
	}
	heads, err := at.heads()
	if err != nil {
		return err
	}
	for _, h := range heads {
		changed := false
		for i := range h.Talk {
			t := &h.Talk[i]
			if t.Path == p.Path && t.Copy == "" && (p.Copy != "" || t.Length > p.Length) {
				t.Copy, changed = name, true
			}
		}
		if changed {
			if err := at.saveHead(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace makes the first bytes of a file another one, whole or not at all.
func replace(from string, length int64, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(to), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	_, err = io.CopyN(out, in, length)
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), to)
}
