package checkpoint

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"

	"volundr/runtime/broker/pack"
)

// item is a file, folder or link as it was.
type item struct {
	Path    string
	Mode    fs.FileMode
	Time    int64 // modification, unix ns
	Size    int64
	Link    string
	Sum     [32]byte // sha-256 of a file's content
	Content content
	// What tells whether the file on the disk is still that one.
	Inode  uint64
	Change int64 // unix ns
}

// content is where a content lies: in a file of the store, compressed. A file
// without one was too large to be recorded.
type content struct {
	File           string
	Offset, Length int64
}

func (i item) entry() pack.Entry {
	return pack.Entry{Path: i.Path, Mode: i.Mode, ModTime: time.Unix(0, i.Time), Size: i.Size, Link: i.Link}
}

func (i item) recorded() bool { return !i.Mode.IsRegular() || i.Size <= largest }

// same reports whether two items are the same for whoever looks at the files.
func (i item) same(o item) bool {
	return i.Mode == o.Mode && i.Time == o.Time && i.Size == o.Size && i.Link == o.Link && i.Sum == o.Sum
}

// list is the items of a checkpoint in the order of pack.Before; told against
// another, those that differ and the paths that are gone.
type list struct {
	Items []item
	Gone  []string
}

// The list that the next checkpoint is quicker with: of one that broke off.
const cacheFile = "cache.tree"

func (l *list) index() map[string]item {
	m := make(map[string]item, len(l.Items))
	for _, i := range l.Items {
		m[i.Path] = i
	}
	return m
}

// against gives what differs from base.
func (l *list) against(base *list) *list {
	had := base.index()
	var d list
	for _, i := range l.Items {
		if o, ok := had[i.Path]; !ok || o != i {
			d.Items = append(d.Items, i)
		}
		delete(had, i.Path)
	}
	for p := range had {
		d.Gone = append(d.Gone, p)
	}
	return &d
}

// upon is the list that was told against base.
func (l *list) upon(base *list) *list {
	gone := make(map[string]bool, len(l.Gone))
	for _, p := range l.Gone {
		gone[p] = true
	}
	all := make([]item, 0, len(base.Items)+len(l.Items))
	news := l.Items
	for _, b := range base.Items {
		for len(news) > 0 && pack.Before(news[0].Path, b.Path) {
			all, news = append(all, news[0]), news[1:]
		}
		switch {
		case len(news) > 0 && news[0].Path == b.Path:
			all, news = append(all, news[0]), news[1:]
		case !gone[b.Path]:
			all = append(all, b)
		}
	}
	return &list{Items: append(all, news...)}
}

// tree reads a list as it was written.
func (at Places) tree(id string) (*list, error) {
	b, err := os.ReadFile(at.file(id + ".tree"))
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	l := new(list)
	if err := gob.NewDecoder(z).Decode(l); err != nil {
		return nil, fmt.Errorf("read checkpoint %s: %w", id, err)
	}
	return l, nil
}

// whole reads the list of a checkpoint.
func (at Places) whole(h head) (*list, error) {
	l, err := at.tree(h.ID)
	if err != nil || h.Base == "" {
		return l, err
	}
	base, err := at.tree(h.Base)
	if err != nil {
		return nil, err
	}
	return l.upon(base), nil
}

func (at Places) saveTree(id string, l *list) error {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	if err := gob.NewEncoder(z).Encode(l); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return at.save(id+".tree", b.Bytes())
}
