package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
)

// Staging is the folder at a workspace's top where what is put back is laid
// before it takes its place.
const Staging = ".volundr-restore"

// A prompt waits for its checkpoint no longer than this.
const patience = 6 * time.Second

func (at Places) workspace() pack.Tree {
	return pack.Tree{Dir: at.Workspace, Git: true, Without: []string{pack.Staging, Staging}}
}

// Take records workspace and conversation as they are before a prompt. What
// was recorded when ctx ends makes the next one quicker.
func (at Places) Take(ctx context.Context, prompt string, talk pack.Resume) (wire.Checkpoint, error) {
	h, err := at.take(ctx, prompt, talk)
	return h.Checkpoint, err
}

// Warm records the workspace so that the first checkpoint is quick.
func (at Places) Warm(ctx context.Context) error {
	s, err := at.survey()
	if err != nil {
		return err
	}
	defer s.new.close()
	return errors.Join(s.walk(ctx), s.remember())
}

func (at Places) take(ctx context.Context, prompt string, talk pack.Resume) (h head, err error) {
	began := time.Now()
	s, err := at.survey()
	if err != nil {
		return h, err
	}
	defer s.new.close()
	h.At = began.UnixNano()
	h.Resume, h.Talk = at.positions(talk)
	if err := s.walk(ctx); err != nil {
		return h, errors.Join(err, s.remember())
	}
	if err := s.new.sync(); err != nil {
		return h, err
	}
	h.ID, h.Prompt, h.Files = s.new.id, prompt, s.files
	now, told := &list{Items: s.items}, &list{Items: s.items}
	if s.base != "" {
		base, err := at.tree(s.base)
		if err != nil {
			return h, err
		}
		if d := now.against(base); len(d.Items)+len(d.Gone) < len(base.Items)/4+100 {
			told, h.Base = d, s.base
		}
	}
	if err := at.saveTree(h.ID, told); err != nil {
		return h, err
	}
	h.Took = time.Since(began).Milliseconds()
	if err := at.saveHead(h); err != nil {
		return h, err
	}
	os.Remove(at.file(cacheFile))
	return h, at.prune()
}

// survey is one look at the workspace.
type survey struct {
	at     Places
	new    *recorder
	known  map[string]item // by earlier looks
	fresh  int64           // files that changed later than this are read again
	base   string          // the checkpoint with a whole list
	items  []item
	files  int
	noted  time.Time     // when the cache was written
	pause  time.Duration // until it is written again
	record bool          // contents, and not only hashes
}

func (at Places) survey() (*survey, error) {
	if err := os.MkdirAll(at.Store, 0o700); err != nil {
		return nil, err
	}
	if err := at.room(); err != nil {
		return nil, err
	}
	heads, err := at.heads()
	if err != nil {
		return nil, err
	}
	s := &survey{at: at, known: map[string]item{}, noted: time.Now(), pause: rememberAfter, record: true}
	last := &list{}
	if len(heads) > 0 {
		h := heads[len(heads)-1]
		if s.base = h.Base; s.base == "" {
			s.base = h.ID
		}
		if last, err = at.whole(h); err != nil {
			s.base, last = "", &list{} // begin anew
		}
		s.fresh = h.At
	}
	if half, err := at.tree(strings.TrimSuffix(cacheFile, ".tree")); err == nil {
		last.Items = append(last.Items, half.Items...) // the later one counts
	}
	for _, i := range last.Items {
		s.known[i.Path] = i
	}
	s.new, err = at.recorder(at.nextID(heads), last)
	return s, err
}

func (at Places) nextID(heads []head) string {
	id := fmt.Sprintf("%019d", time.Now().UnixNano())
	if len(heads) > 0 && id <= heads[len(heads)-1].ID { // the clock went back
		var n int64
		fmt.Sscan(strings.TrimLeft(heads[len(heads)-1].ID, "0"), &n)
		id = fmt.Sprintf("%019d", n+1)
	}
	return id
}

func (s *survey) walk(ctx context.Context) error {
	_, err := s.at.workspace().Walk(ctx, func(e pack.Entry, info fs.FileInfo, open pack.Open) error {
		i := item{Path: e.Path, Mode: e.Mode, Time: e.ModTime.UnixNano(), Size: e.Size, Link: e.Link}
		if open == nil {
			s.items = append(s.items, i)
			return nil
		}
		i.Inode, i.Change = identity(info)
		if err := s.content(&i, open); err != nil {
			return err
		}
		s.items, s.files = append(s.items, i), s.files+1
		if s.record && time.Since(s.noted) > s.pause {
			return s.remember()
		}
		return ctx.Err()
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the workspace is so large that it could not be recorded in time")
	}
	return err
}

func (s *survey) content(i *item, open pack.Open) error {
	if i.Size > largest {
		return nil
	}
	// A file that changed in the moment of an earlier look may have changed
	// again without a trace.
	k, ok := s.known[i.Path]
	if ok && k.Mode.IsRegular() && k.Time == i.Time && k.Size == i.Size && k.Inode == i.Inode && k.Change == i.Change &&
		(s.fresh == 0 || i.Change < s.fresh-int64(50*time.Millisecond)) && (k.Content.File != "" || !s.record) {
		i.Sum, i.Content = k.Sum, k.Content
		return nil
	}
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	if now, err := f.Stat(); err == nil {
		i.Time, i.Size = now.ModTime().UnixNano(), now.Size()
		i.Inode, i.Change = identity(now)
	}
	if !s.record {
		i.Sum, i.Size, err = sum(f)
		return err
	}
	i.Sum, i.Content, i.Size, err = s.new.add(f, i.Size)
	return err
}

// rememberAfter is the shortest pause between two writings of the cache.
const rememberAfter = 2 * time.Second

// remember keeps what was recorded so far. It writes the whole list, so that the
// pause after it grows with what it took: a slow machine gets on as well.
func (s *survey) remember() error {
	began := time.Now()
	defer func() { s.noted, s.pause = time.Now(), max(rememberAfter, 9*time.Since(began)) }()
	if err := s.new.sync(); err != nil {
		return err
	}
	return s.at.saveTree(strings.TrimSuffix(cacheFile, ".tree"), &list{Items: slices.DeleteFunc(slices.Clone(s.items), func(i item) bool { return !i.Mode.IsRegular() })})
}

func identity(info fs.FileInfo) (inode uint64, change int64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino, st.Ctim.Nano()
	}
	return 0, 0
}

// positions says how far the conversation's files go now.
func (at Places) positions(talk pack.Resume) (pack.Resume, []position) {
	if talk.Session == "" {
		talk, _ = pack.Resumed(at.Home)
	}
	files, err := pack.Transcripts(at.Home, talk)
	if err != nil {
		return pack.Resume{Agent: talk.Agent}, nil
	}
	var list []position
	for _, p := range files {
		f, err := os.Open(filepath.Join(at.Home, p))
		if err != nil {
			continue
		}
		if info, err := f.Stat(); err == nil {
			if n, err := pack.WholeLines(f, info.Size()); err == nil {
				list = append(list, position{Path: p, Length: n})
			}
		}
		f.Close()
	}
	return talk, list
}
