package pack

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Read reads a pack to its end and hands on each entry; the content of a file
// may be read until visit returns. What no Writer writes is ErrDamaged: names
// that lead elsewhere, entries out of order, a parent that is no folder of this
// pack, other kinds of files, bytes behind the end.
func Read(r io.Reader, l Limits, visit func(Entry, io.Reader) error) (sum Sum, err error) {
	h := sha256.New()
	raw := io.TeeReader(r, h)
	z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(16<<20))
	if err != nil {
		return sum, damaged(err)
	}
	defer z.Close()
	var order order
	for t := tar.NewReader(z); ; {
		head, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sum, damaged(err)
		}
		e, err := entry(head)
		if err != nil {
			return sum, err
		}
		if err := order.follow(e); err != nil {
			return sum, err
		}
		if err := l.count(&sum, e); err != nil {
			return sum, err
		}
		body := &content{r: t}
		if err := visit(e, body); err != nil {
			if body.err != nil {
				return sum, damaged(body.err)
			}
			return sum, err
		}
	}
	if order.last == "" {
		return sum, damaged(io.ErrUnexpectedEOF)
	}
	// What follows the end is part of the digest, but must be nothing.
	if n, err := io.Copy(io.Discard, io.LimitReader(z, 1)); err != nil || n > 0 {
		return sum, damaged(errors.Join(err, errors.New("bytes behind its end")))
	}
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return sum, damaged(err)
	}
	sum.Digest = hex.EncodeToString(h.Sum(nil))
	return sum, nil
}

// content tells a stream that breaks off from a disk that is full.
type content struct {
	r   io.Reader
	err error
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

func damaged(why error) error { return fmt.Errorf("%w: %w", ErrDamaged, why) }

func entry(h *tar.Header) (Entry, error) {
	e := Entry{Path: h.Name, ModTime: h.ModTime, Mode: h.FileInfo().Mode() & kept}
	switch h.Typeflag {
	case tar.TypeReg:
		e.Size = h.Size
	case tar.TypeDir:
		e.Path = strings.TrimSuffix(h.Name, "/")
		e.Mode |= fs.ModeDir
	case tar.TypeSymlink:
		e.Mode, e.Link = fs.ModeSymlink|0o777, h.Linkname
		if e.Link == "" || strings.Contains(e.Link, "\x00") {
			return e, damaged(fmt.Errorf("the link %q leads nowhere", h.Name))
		}
	default:
		return e, damaged(fmt.Errorf("%q is neither file, folder nor link", h.Name))
	}
	if e.Path != path.Clean(e.Path) || !fs.ValidPath(strings.ToValidUTF8(e.Path, "x")) || strings.Contains(e.Path, "\x00") {
		return e, damaged(fmt.Errorf("%q is no name", h.Name))
	}
	return e, nil
}

// order checks that each entry stands behind the last one and in a folder that
// the pack itself made.
type order struct {
	last string
	open []string // folders that the next entry may stand in
}

func (o *order) follow(e Entry) error {
	if o.last != "" && !Before(o.last, e.Path) {
		return damaged(fmt.Errorf("%q stands after %q", e.Path, o.last))
	}
	if o.last == "" && (e.Path != "." || !e.Mode.IsDir()) {
		return damaged(errors.New("it does not begin with a folder"))
	}
	o.last = e.Path
	parent := path.Dir(e.Path)
	for len(o.open) > 0 && o.open[len(o.open)-1] != parent {
		o.open = o.open[:len(o.open)-1]
	}
	if len(o.open) == 0 && parent != "." {
		return damaged(fmt.Errorf("%q stands in no folder", e.Path))
	}
	if e.Mode.IsDir() && e.Path != "." {
		if o.open = append(o.open, e.Path); len(o.open) > maxDepth {
			return damaged(fmt.Errorf("more than %d folders in one another", maxDepth))
		}
	}
	return nil
}
