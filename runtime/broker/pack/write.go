package pack

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/klauspost/compress/zstd"
)

// Writer writes a pack.
type Writer struct {
	limits Limits
	sum    Sum
	hash   hash.Hash
	zstd   *zstd.Encoder
	tar    *tar.Writer
	last   string
}

// NewWriter begins a pack on w.
func NewWriter(w io.Writer, l Limits) (*Writer, error) {
	h := sha256.New()
	// One worker: the same input then always gives the same bytes.
	z, err := zstd.NewWriter(io.MultiWriter(w, h), zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	return &Writer{limits: l, hash: h, zstd: z, tar: tar.NewWriter(z)}, nil
}

// Add writes an entry. Entries come in the order of Before, a folder before
// what is in it. body is read up to the entry's size; where it is shorter than
// that, because somebody is writing the file, zeros follow and short is true.
func (w *Writer) Add(e Entry, body io.Reader) (short bool, err error) {
	if w.last != "" && !Before(w.last, e.Path) {
		return false, fmt.Errorf("pack %q after %q: not in order", e.Path, w.last)
	}
	w.last = e.Path
	if err := w.limits.count(&w.sum, e); err != nil {
		return false, err
	}
	h := &tar.Header{Format: tar.FormatPAX, Name: e.Path, Mode: unixMode(e.Mode), ModTime: e.ModTime, Typeflag: tar.TypeReg, Size: e.Size}
	switch {
	case e.Mode.IsDir():
		h.Typeflag, h.Size, h.Name = tar.TypeDir, 0, e.Path+"/"
	case e.Mode.Type() == fs.ModeSymlink:
		h.Typeflag, h.Size, h.Linkname, h.Mode = tar.TypeSymlink, 0, e.Link, 0o777
	case !e.Mode.IsRegular():
		return false, fmt.Errorf("pack %q: neither file, folder nor link", e.Path)
	}
	if err := w.tar.WriteHeader(h); err != nil {
		return false, fmt.Errorf("pack %q: %w", e.Path, err)
	}
	if h.Size == 0 {
		return false, nil
	}
	n, err := io.Copy(w.tar, io.LimitReader(body, h.Size))
	if err != nil {
		return false, fmt.Errorf("pack %q: %w", e.Path, err)
	}
	if n < h.Size {
		_, err = io.CopyN(w.tar, zeros{}, h.Size-n)
	}
	return n < h.Size, err
}

// Close ends the pack and says what it came to.
func (w *Writer) Close() (Sum, error) {
	if err := errors.Join(w.tar.Close(), w.zstd.Close()); err != nil {
		return w.sum, fmt.Errorf("end the pack: %w", err)
	}
	w.sum.Digest = hex.EncodeToString(w.hash.Sum(nil))
	return w.sum, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func unixMode(m fs.FileMode) int64 {
	bits := int64(m.Perm())
	for bit, flag := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return bits
}
