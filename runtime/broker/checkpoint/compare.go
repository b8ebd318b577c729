package checkpoint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"volundr/runtime/broker/wire"
)

func sum(f io.Reader) (s [32]byte, n int64, err error) {
	h := sha256.New()
	n, err = io.Copy(h, f)
	return [32]byte(h.Sum(nil)), n, err
}

// change is what going back does to one path.
type change struct{ now, then *item } // nil: not there

// changes lists what differs between what is and what was, in order. Objects
// of git that were added since stay: they are in nobody's way, and what is
// undone can be taken up again. Files too large to be recorded stay as well.
func changes(now, then *list) (all []change) {
	have, had := now.index(), then.index()
	for i := range then.Items {
		t := &then.Items[i]
		n, ok := have[t.Path]
		delete(have, t.Path)
		switch {
		case !ok && t.recorded():
			all = append(all, change{then: t})
		case !n.same(*t) && t.recorded() && n.recorded():
			all = append(all, change{now: &n, then: t})
		}
	}
	for i := range now.Items {
		n := &now.Items[i]
		if _, ok := have[n.Path]; ok && n.recorded() && !stays(n.Path, had) {
			all = append(all, change{now: n})
		}
	}
	return all
}

// stays reports whether a path is an object of a repository that was there.
func stays(p string, had map[string]item) bool {
	repo, ok := objects(p)
	_, was := had[repo+"/HEAD"]
	return ok && was
}

// objects gives the repository whose store of objects a path belongs to.
func objects(p string) (repo string, ok bool) {
	at := strings.Index("/"+p, "/.git/")
	if at < 0 {
		return "", false
	}
	in := "/" + p[at+len(".git/"):] + "/"
	repo, _, ok = strings.Cut(in, "/objects/")
	if strings.Contains(repo+"/", "/refs/") || strings.Contains(repo+"/", "/logs/") {
		return "", false
	}
	return p[:at] + ".git" + repo, ok
}

const (
	longestList = 1000
	longestText = 1 << 20
	mostText    = 32 << 20
)

// Loss says what going back to a checkpoint would change. Of .git it tells
// where HEAD and the branches would point elsewhere.
func (at Places) Loss(ctx context.Context, id string) (wire.Files, error) {
	var told wire.Files
	h, err := at.head(id)
	if err != nil {
		return told, err
	}
	then, err := at.whole(h)
	if err != nil {
		return told, err
	}
	s, err := at.survey()
	if err != nil {
		return told, err
	}
	defer s.new.close()
	s.record = false
	if err := s.walk(ctx); err != nil {
		return told, err
	}
	all := slices.DeleteFunc(changes(&list{Items: s.items}, then), func(c change) bool { return !c.shown() })
	moved := moves(all)
	text := 0
	for _, c := range all {
		if moved[c.path()] == "-" {
			continue
		}
		if len(told.Changes) >= longestList {
			told.More++
			continue
		}
		f := wire.FileChange{Path: strings.ToValidUTF8(c.path(), "\uFFFD"), Action: c.action()}
		if from, ok := moved[c.path()]; ok {
			f.Action, f.From = "renamed", strings.ToValidUTF8(from, "\uFFFD")
		} else if text < mostText {
			text += at.lines(c, &f)
		}
		told.Changes = append(told.Changes, f)
	}
	return told, nil
}

func (c change) path() string {
	if c.then != nil {
		return c.then.Path
	}
	return c.now.Path
}

func (c change) action() string {
	switch {
	case c.now == nil:
		return "created"
	case c.then == nil:
		return "deleted"
	}
	return "modified"
}

// shown reports whether people see the change: files and links, by what they
// hold and whether they can be run.
func (c change) shown() bool {
	for _, i := range []*item{c.now, c.then} {
		if i != nil && i.Mode.IsDir() && (c.now == nil || c.then == nil || c.now.Mode.Type() == c.then.Mode.Type()) {
			return false
		}
	}
	if c.now != nil && c.then != nil && c.now.Mode == c.then.Mode && c.now.Link == c.then.Link && c.now.Sum == c.then.Sum {
		return false // touched
	}
	p := "/" + c.path()
	if i := strings.LastIndex(p, "/.git/"); i >= 0 {
		in := p[i+len("/.git/"):]
		return in == "HEAD" || in == "packed-refs" || strings.HasPrefix(in, "refs/")
	}
	return true
}

// moves finds files that would be renamed: to → from, and from → "-".
func moves(all []change) map[string]string {
	from, found := map[[32]byte]string{}, map[string]string{}
	for _, c := range all {
		if c.then == nil && c.now.Mode.IsRegular() && c.now.Size > 0 {
			from[c.now.Sum] = c.now.Path
		}
	}
	for _, c := range all {
		if c.now == nil && c.then.Mode.IsRegular() {
			if p := from[c.then.Sum]; p != "" {
				found[c.then.Path], found[p] = p, "-"
				delete(from, c.then.Sum)
			}
		}
	}
	return found
}

// lines counts what would be inserted and deleted, and says how much it read.
func (at Places) lines(c change, f *wire.FileChange) (read int) {
	var before, after []byte
	for _, i := range []*item{c.now, c.then} {
		if i != nil && (!i.Mode.IsRegular() || i.Size > longestText || (i == c.then && !i.recorded())) {
			f.Binary = i.Mode.IsRegular()
			return 0
		}
	}
	if c.now != nil {
		before, _ = readSome(filepath.Join(at.Workspace, c.now.Path))
	}
	if c.then != nil {
		var b bytes.Buffer
		if at.copyTo(&b, *c.then) != nil {
			return 0
		}
		after = b.Bytes()
	}
	read = len(before) + len(after)
	if binary(before) || binary(after) {
		f.Binary = true
		return read
	}
	for _, e := range udiff.Lines(string(before), string(after)) {
		f.Del += count(string(before[e.Start:e.End]))
		f.Ins += count(e.New)
	}
	return read
}

func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, longestText))
}

func binary(b []byte) bool { return bytes.IndexByte(b[:min(len(b), 8000)], 0) >= 0 }

func count(s string) int {
	n := strings.Count(s, "\n")
	if s != "" && !strings.HasSuffix(s, "\n") {
		n++
	}
	return n
}
