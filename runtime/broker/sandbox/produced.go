package sandbox

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"syscall"

	"volundr/runtime/broker/wire"
)

// mark is what was staged, by path.
type mark map[string]laid

// laid is a staged file. The change time cannot be set back, so that a file of
// which all but the digest is as it was, is as it was.
type laid struct {
	ino    uint64
	size   int64
	ctime  syscall.Timespec
	digest [sha256.Size]byte
}

func (s *Sandbox) note(name string, info fs.FileInfo, digest [sha256.Size]byte) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.laid[name] = laid{st.Ino, st.Size, st.Ctim, digest}
}

// unchanged reports whether a file holds what was staged under its name.
func (s *Sandbox) unchanged(name string, f io.ReadSeeker, info fs.FileInfo) (bool, error) {
	s.mu.Lock()
	was, ok := s.laid[name]
	s.mu.Unlock()
	st, sys := info.Sys().(*syscall.Stat_t)
	if !ok || !sys || st.Size != was.size {
		return false, nil
	}
	if st.Ino == was.ino && st.Ctim == was.ctime {
		return true, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, err
	}
	_, err := f.Seek(0, io.SeekStart)
	return [sha256.Size]byte(sum.Sum(nil)) == was.digest, err
}

const maxSkipped = 1000

// serveProduced gives out every regular file that is new or changed.
func (s *Sandbox) serveProduced(w http.ResponseWriter, req *http.Request) {
	left, err := strconv.ParseInt(req.FormValue("limit"), 10, 64)
	if err != nil || left < 0 {
		refuse(w, http.StatusBadRequest, "The limit is a number of bytes.")
		return
	}
	out := newFrames(w)
	var res wire.Produced
	skip := func(e wire.SandboxEntry, reason string) {
		if len(res.Skipped) == maxSkipped {
			res.Truncated = true
			return
		}
		res.Skipped = append(res.Skipped, wire.SkippedEntry{SandboxEntry: e, Reason: reason})
	}
	buf := make([]byte, 64<<10)
	err = s.walk(".", true, func(e wire.SandboxEntry) error {
		switch e.Kind {
		case wire.EntryIsDirectory:
			return nil
		case wire.EntryIsSymlink:
			skip(e, wire.SkippedSymlink)
			return nil
		case wire.EntryIsOther:
			skip(e, wire.SkippedSpecial)
			return nil
		}
		f, info, err := s.open(e.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			skip(e, wire.SkippedUnreadable)
			return nil
		}
		defer f.Close()
		if same, err := s.unchanged(e.Path, f, info); err != nil || same {
			return err
		}
		if e.Size = info.Size(); e.Size > left {
			skip(e, wire.SkippedLimit)
			return nil
		}
		left -= e.Size
		res.Files++
		if err := out.sendJSON(wire.FrameFile, e, false); err != nil {
			return err
		}
		return frameFile(out, io.LimitReader(f, e.Size), buf)
	})
	if err != nil {
		out.sendJSON(wire.FrameError, wire.Problem{Detail: err.Error()}, true)
		return
	}
	out.sendJSON(wire.FrameResult, res, true)
}

func frameFile(out *frames, from io.Reader, buf []byte) error {
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if err := out.send(wire.FrameStdout, buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
