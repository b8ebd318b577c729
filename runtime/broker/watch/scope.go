package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
)

// scope is a working tree that is looked at for itself: the workspace, or a
// repository within it.
type scope struct {
	rel   string // its folder in the workspace; empty: the workspace itself
	dir   string
	repo  *place // nil: there is no repository
	mem   *memory
	paths []string // changed, relative to dir
	all   bool     // look everywhere
}

// openScope takes up what was told of a folder, or begins with what stands
// there now; with from, what stands there is new and remains to be told.
func (w *Watcher) openScope(ctx context.Context, rel string, fresh bool) (*scope, error) {
	s := &scope{rel: rel, dir: filepath.Join(w.o.Workspace, rel), all: true}
	if p, ok := findPlace(s.dir); ok {
		s.repo = &p
	}
	sum := sha256.Sum256([]byte(rel))
	s.mem = openMemory(filepath.Join(w.folder, "trees", hex.EncodeToString(sum[:8])), s.dir, w.o.Home)
	if s.mem.load() {
		return s, s.lean(ctx)
	}
	s.mem.told = told{}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if fresh {
		s.mem.told.At = w.since
		return s, nil
	}
	return s, s.settle(ctx)
}

// begin makes an empty memory.
func (s *scope) begin(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(s.mem.path), 0o700); err != nil {
		return err
	}
	if err := s.mem.make(ctx, s.repo); err != nil {
		return err
	}
	return s.mem.excludes(s.repo)
}

// settle takes what stands there for told.
func (s *scope) settle(ctx context.Context) error {
	if _, _, err := s.mem.scan(ctx, nil); err != nil {
		return err
	}
	if s.repo != nil {
		s.repo.moves(s.mem.told.Logs, 0)
	}
	s.mem.told.Base, s.mem.told.Fresh = s.mem.told.Stored, nil
	return s.mem.save(time.Now().Unix())
}

// renew begins a memory anew that has grown too large or broke.
func (s *scope) renew(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	return s.settle(ctx)
}

// lean follows the repository's coming and going.
func (s *scope) lean(ctx context.Context) error {
	p, ok := findPlace(s.dir)
	switch {
	case ok && (s.repo == nil || *s.repo != p || s.mem.told.Common != p.common):
		s.repo, s.all = &p, true
		if f := format(ctx, s.mem.git, s.repo); f != s.mem.told.Format {
			return s.renew(ctx)
		}
	case !ok && (s.repo != nil || s.mem.told.Common != ""):
		s.repo, s.all = nil, true
	default:
		return s.mem.excludes(s.repo)
	}
	s.mem.told.Common = ""
	if s.repo != nil {
		s.mem.told.Common = s.repo.common
	}
	s.mem.lean()
	return s.mem.excludes(s.repo)
}

// gone reports whether the folder is not there any more.
func (s *scope) gone() bool {
	st, err := os.Lstat(s.dir)
	return err != nil || !st.IsDir()
}

// busy reports whether git is writing the repository's index.
func (s *scope) busy() bool {
	if s.repo == nil {
		return false
	}
	_, err := os.Lstat(filepath.Join(s.repo.dir, "index.lock"))
	return err == nil
}

// look finds what changed since it was last told, and remembers it as told.
func (s *scope) look(ctx context.Context, logs bool) (changes []wire.FileChange, events []wire.Git, quiet []string, err error) {
	paths, all := s.paths, s.all
	logs = logs || all
	s.paths, s.all = nil, false
	switch {
	case s.gone():
		changes, err = s.mem.end(ctx)
		logs = false
	case all:
		changes, quiet, err = s.mem.scan(ctx, nil)
	case len(paths) > 0:
		changes, quiet, err = s.mem.scan(ctx, paths)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	before := len(s.mem.told.Logs)
	var moves []movement
	if logs && s.repo != nil {
		since := s.mem.told.At - 60
		if moves = s.repo.moves(s.mem.told.Logs, since); len(moves) > 0 {
			events = s.repo.events(ctx, git{dir: s.dir, home: s.mem.git.home, env: []string{"GIT_DIR=" + s.repo.dir}}, s.rel, moves)
		}
	}
	if len(changes) > 0 || len(moves) > 0 || before != len(s.mem.told.Logs) {
		if err := s.mem.save(time.Now().Unix()); err != nil {
			return nil, nil, nil, err
		}
	}
	for i := range changes {
		changes[i].Path = s.in(changes[i].Path)
		if changes[i].From != "" {
			changes[i].From = s.in(changes[i].From)
		}
	}
	return changes, events, quiet, nil
}

// in gives a path as it is called in the workspace.
func (s *scope) in(path string) string {
	if s.rel == "" {
		return path
	}
	return s.rel + "/" + path
}

// holds gives a path of the workspace as it is called here.
func (s *scope) holds(rel string) (string, bool) {
	if s.rel == "" {
		return rel, true
	}
	return strings.CutPrefix(rel, s.rel+"/")
}

// end tells that everything went.
func (m *memory) end(ctx context.Context) ([]wire.FileChange, error) {
	m.git.dir = m.path // the tree is no place to run in
	out, err := m.git.run(ctx, nil, "mktree")
	if err != nil {
		return nil, err
	}
	empty := strings.TrimSpace(string(out))
	changes, err := m.diff(ctx, m.told.Tree, empty)
	if err != nil {
		return nil, err
	}
	for path := range m.told.Long {
		changes = append(changes, wire.FileChange{Path: path, Action: "deleted", Binary: true})
	}
	m.told.Tree, m.told.Long = empty, map[string]long{}
	return changes, nil
}
