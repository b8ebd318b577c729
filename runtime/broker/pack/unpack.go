package pack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// Unpack lays a pack into dir, which is there and empty. Nothing is written
// outside of dir and no link is followed, whatever the pack says. want is the
// pack's digest; empty: not compared. On an error what was laid stays.
func Unpack(r io.Reader, dir, want string, l Limits) (Sum, error) {
	top, err := os.OpenRoot(dir)
	if err != nil {
		return Sum{}, err
	}
	s := &layers{}
	defer s.drop()
	if err := s.push(layer{root: top, path: "."}); err != nil {
		return Sum{}, err
	}
	sum, err := Read(r, l, s.lay)
	if err == nil && want != "" && sum.Digest != want {
		err = damaged(fmt.Errorf("its digest is %s instead of %s", sum.Digest, want))
	}
	for err == nil && len(s.open) > 0 {
		err = s.pop()
	}
	return sum, err
}

// layer is a folder that is being filled. Its own mode and time are set when it
// is full.
type layer struct {
	root *os.Root
	dir  *os.File
	path string
	mode fs.FileMode
	time time.Time
	told bool // mode and time stand in the pack
}

type layers struct{ open []layer }

func (s *layers) push(l layer) (err error) {
	if l.dir, err = l.root.Open("."); err != nil {
		l.root.Close()
		return err
	}
	s.open = append(s.open, l)
	return nil
}

func (s *layers) pop() error {
	l := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	defer l.root.Close()
	defer l.dir.Close()
	if !l.told {
		return nil
	}
	if err := l.dir.Chmod(l.mode & kept); err != nil && l.path != "." { // the top may be another's
		return err
	}
	if err := stamp(l.dir, ".", l.time); err != nil && l.path != "." {
		return fmt.Errorf("unpack %q: %w", l.path, err)
	}
	return nil
}

// Stamp sets the modification time of what stands at a path of root, be it a
// link.
func Stamp(root *os.Root, name string, t time.Time) error {
	dir, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return stamp(dir, path.Base(name), t)
}

// stamp sets the modification time of what stands in dir as name, be it a link.
func stamp(dir *os.File, name string, t time.Time) error {
	ts, err := unix.TimeToTimespec(t)
	if err != nil {
		return nil // beyond what a file can have
	}
	return unix.UtimesNanoAt(int(dir.Fd()), name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}

func (s *layers) drop() {
	for _, l := range s.open {
		l.dir.Close()
		l.root.Close()
	}
}

func (s *layers) lay(e Entry, body io.Reader) error {
	if e.Path == "." {
		l := &s.open[0]
		l.mode, l.time, l.told = e.Mode, e.ModTime, true
		return nil
	}
	for parent := path.Dir(e.Path); s.open[len(s.open)-1].path != parent; {
		if err := s.pop(); err != nil {
			return err
		}
	}
	l := s.open[len(s.open)-1]
	name := path.Base(e.Path)
	switch {
	case e.Mode.IsDir():
		if err := l.root.Mkdir(name, 0o700); err != nil {
			return err
		}
		sub, err := l.root.OpenRoot(name)
		if err != nil {
			return err
		}
		return s.push(layer{root: sub, path: e.Path, mode: e.Mode, time: e.ModTime, told: true})
	case e.Mode.IsRegular():
		if err := write(l.root, name, e.Mode, body); err != nil {
			return err
		}
	default:
		if err := l.root.Symlink(e.Link, name); err != nil {
			return err
		}
	}
	if err := stamp(l.dir, name, e.ModTime); err != nil {
		return fmt.Errorf("unpack %q: %w", e.Path, err)
	}
	return nil
}

func write(root *os.Root, name string, mode fs.FileMode, body io.Reader) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if err == nil && mode&kept != 0o600 {
		err = f.Chmod(mode & kept)
	}
	return errors.Join(err, f.Close())
}
