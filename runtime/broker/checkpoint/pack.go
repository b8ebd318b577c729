package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
)

// Pack packs workspace or conversation as they were. What git ignores and
// include names is packed as it is now.
func (at Places) Pack(ctx context.Context, out io.Writer, id, what string, include []string) (pack.Sum, error) {
	h, err := at.head(id)
	if err != nil {
		return pack.Sum{}, err
	}
	switch what {
	case wire.PackContext:
		return at.packContext(out, h)
	case wire.PackWorkspace:
		return at.packWorkspace(ctx, out, h, include)
	}
	return pack.Sum{}, fmt.Errorf("there is no %q of a checkpoint", what)
}

func (at Places) packContext(out io.Writer, h head) (pack.Sum, error) {
	if h.Resume.Session == "" {
		return pack.Sum{}, pack.ErrNoContext
	}
	var files []pack.Transcript
	for _, p := range h.Talk {
		from := filepath.Join(at.Home, p.Path)
		if p.Copy != "" {
			from = at.file(p.Copy)
		}
		files = append(files, pack.Transcript{Path: p.Path, From: from, Length: p.Length})
	}
	return pack.WriteContext(out, h.Resume, files, pack.ContextLimits)
}

// piece is an entry of a pack, and where its content is.
type piece struct {
	pack.Entry
	was *item // of the checkpoint; nil: on the disk
}

func (at Places) packWorkspace(ctx context.Context, out io.Writer, h head, include []string) (pack.Sum, error) {
	l, err := at.whole(h)
	if err != nil {
		return pack.Sum{}, err
	}
	pieces, err := at.pieces(ctx, l, include)
	if err != nil {
		return pack.Sum{}, err
	}
	w, err := pack.NewWriter(out, pack.WorkspaceLimits)
	if err != nil {
		return pack.Sum{}, err
	}
	var missing []string
	for _, p := range pieces {
		if err := ctx.Err(); err != nil {
			return pack.Sum{}, err
		}
		var body io.ReadCloser
		switch {
		case !p.Mode.IsRegular():
		case p.was != nil && p.was.Content.File != "":
			body, err = at.open(*p.was)
		default: // too large to be recorded, or not the checkpoint's
			body, err = at.live(p)
			if err != nil {
				missing = append(missing, fmt.Sprintf("%s: too large to be recorded, and it changed since", p.Path))
				continue
			}
		}
		if err != nil {
			return pack.Sum{}, err
		}
		_, err = w.Add(p.Entry, body)
		if body != nil {
			body.Close()
		}
		if err != nil {
			return pack.Sum{}, err
		}
	}
	sum, err := w.Close()
	sum.Notes = missing[:min(len(missing), 20)]
	return sum, err
}

// live opens a file of the workspace that is still as the piece says.
func (at Places) live(p piece) (*os.File, error) {
	root, err := os.OpenRoot(at.Workspace)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(p.Path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() != p.Size || !info.ModTime().Equal(p.ModTime)) {
		err = errors.New("it changed")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// pieces lists what is packed, in order.
func (at Places) pieces(ctx context.Context, l *list, include []string) ([]piece, error) {
	all := make([]piece, 0, len(l.Items))
	have := map[string]bool{}
	for i := range l.Items {
		all = append(all, piece{l.Items[i].entry(), &l.Items[i]})
		have[l.Items[i].Path] = true
	}
	if len(include) == 0 {
		return all, nil
	}
	tree := at.workspace()
	tree.Include = include
	var dirs []piece // that lead to what is included
	_, err := tree.Walk(ctx, func(e pack.Entry, _ fs.FileInfo, _ pack.Open) error {
		for len(dirs) > 0 && !strings.HasPrefix(e.Path, dirs[len(dirs)-1].Path+"/") {
			dirs = dirs[:len(dirs)-1]
		}
		if e.Mode.IsDir() && e.Path != "." {
			dirs = append(dirs, piece{Entry: e})
		}
		if have[e.Path] || !named(include, e.Path) {
			return nil
		}
		for _, d := range dirs {
			if !have[d.Path] {
				have[d.Path] = true
				all = append(all, d)
			}
		}
		if !have[e.Path] {
			have[e.Path] = true
			all = append(all, piece{Entry: e})
		}
		return nil
	})
	slices.SortFunc(all, func(a, b piece) int {
		return cmp.Or(-b2i(pack.Before(a.Path, b.Path)), b2i(pack.Before(b.Path, a.Path)))
	})
	return all, err
}

func named(include []string, at string) bool {
	return slices.ContainsFunc(include, func(i string) bool {
		i = path.Clean(strings.TrimPrefix(i, "/"))
		match, _ := path.Match(i, at)
		return match || i == at || strings.HasPrefix(at, i+"/")
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
