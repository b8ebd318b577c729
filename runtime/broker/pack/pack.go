// Package pack turns a tree of files into one stream and back: a tar in a fixed
// order, compressed with zstd, the same bytes for the same tree. It runs inside
// a session as the user whose files they are; to everybody else a pack is
// opaque.
//
// What stands in a pack: files, folders (empty ones too) and symbolic links,
// with names of any bytes, permission bits and modification times to the
// nanosecond. Hard links become files, holes become zeros. Owners, extended
// attributes, devices, sockets and pipes are left out.
package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Entry is one file, folder or symbolic link of a tree.
type Entry struct {
	Path    string // below the tree's top, with slashes; "." is the top
	Mode    fs.FileMode
	ModTime time.Time
	Size    int64  // of a file
	Link    string // of a symbolic link
}

// Limits bound a pack; zero is no bound.
type Limits struct {
	Entries int
	Bytes   int64 // of contents, unpacked
}

// Sum is what a pack came to.
type Sum struct {
	Entries int      `json:"entries"`
	Bytes   int64    `json:"bytes"`  // of contents, unpacked
	Digest  string   `json:"digest"` // sha-256 of the stream, hex
	Notes   []string `json:"notes,omitempty"`
}

// Errors of packing and unpacking.
var (
	ErrTooLarge = errors.New("too large")
	ErrDamaged  = errors.New("the pack is damaged")
	ErrTaken    = errors.New("there is something already")
)

// maxDepth bounds how many folders stand in one another: each is held open.
const maxDepth = 400

// modes that are kept.
const kept = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// count adds an entry to s and holds it against the limits.
func (l Limits) count(s *Sum, e Entry) error {
	s.Entries++
	if e.Mode.IsRegular() {
		s.Bytes += e.Size
	}
	if l.Entries > 0 && s.Entries > l.Entries {
		return fmt.Errorf("%w: more than %d files and folders", ErrTooLarge, l.Entries)
	}
	if l.Bytes > 0 && s.Bytes > l.Bytes {
		return fmt.Errorf("%w: more than %d MiB of files", ErrTooLarge, l.Bytes>>20)
	}
	return nil
}

// Before orders paths: folders depth first, the names in one by their bytes.
func Before(a, b string) bool {
	if a == "." || b == "." {
		return a == "." && b != "."
	}
	for {
		x, more, deeper := strings.Cut(a, "/")
		y, rest, also := strings.Cut(b, "/")
		if x != y {
			return x < y
		}
		if !deeper || !also {
			return also
		}
		a, b = more, rest
	}
}

// notes collects what people should know, bounded.
type notes struct {
	list []string
	more int
}

func (n *notes) add(format string, args ...any) {
	if len(n.list) >= 20 {
		n.more++
		return
	}
	line := fmt.Sprintf(format, args...)
	n.list = append(n.list, strings.ToValidUTF8(line[:min(len(line), 250)], "?"))
}

func (n *notes) all() []string {
	if n.more > 0 {
		return append(n.list, fmt.Sprintf("and %d more", n.more))
	}
	return n.list
}
