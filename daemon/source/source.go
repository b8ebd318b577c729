// Package source gives sessions their workspace: git remotes through mirrors
// that the host's own git keeps, and copies of local folders.
//
// Only the host's git talks to remotes, with the user's helpers and keys; a
// session gets packs over its link and holds no credential. What stands in a
// folder that an agent can write is never trusted: git runs in directories of
// ours, no hook of a repository is run, and links are not followed.
package source

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"volundr/store"
)

// Options of Sources.
type Options struct {
	// Dir is the folder of the mirrors, ours alone.
	Dir string
	DB  *store.DB
	// Session names the session that a request of Git comes from.
	Session func(context.Context) string
	// Folders says which local folders may be used.
	Folders Folders
	// Login gives the user name and password with which p's git uses a repository
	// by http; empty: the user's own git knows better. May be nil.
	Login func(ctx context.Context, p store.Principal, repo string) (user, password string, err error)
	// Owns reports whether p is one of those whose machine this is: only they use
	// its folders, and its git's logins and keys. nil: everybody is.
	Owns func(ctx context.Context, p store.Principal) (bool, error)
	// Protected are patterns of branches that no session pushes to.
	Protected []string
	// BranchPrefix is what the branches of sessions begin with; empty: they get
	// none of their own.
	BranchPrefix string
	Log          *slog.Logger
}

// Sources keeps the mirrors. All methods may be called from many goroutines.
type Sources struct {
	Options
	hooks string // folder with our pre-receive

	mu    sync.Mutex
	locks map[string]chan struct{} // by mirror: one writer
}

// New prepares the folder of the mirrors.
func New(o Options) (*Sources, error) {
	s := &Sources{Options: o, hooks: filepath.Join(o.Dir, "hooks"), locks: map[string]chan struct{}{}}
	if err := os.MkdirAll(s.hooks, 0o700); err != nil {
		return nil, fmt.Errorf("folder of git mirrors: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.hooks, "pre-receive"), []byte(preReceive), 0o700); err != nil {
		return nil, fmt.Errorf("folder of git mirrors: %w", err)
	}
	// Copies and half-removed mirrors that a killed daemon left behind.
	for _, kind := range []string{"copy-*", gone + "*"} {
		left, err := filepath.Glob(filepath.Join(o.Dir, kind))
		if err != nil {
			return nil, err
		}
		for _, dir := range left {
			if err := os.RemoveAll(dir); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// Kinds of sources in a launch request.
const (
	Git        = "git"
	LocalMount = "local_mount"
	LocalCopy  = "local_copy"
)

// origin is what a launch request says about the workspace.
type origin struct {
	Type       string       `json:"type"`
	Repo       string       `json:"repo"`
	Branch     string       `json:"branch"`
	BaseBranch string       `json:"base_branch"`
	Folder     string       `json:"folder"`
	Additional []Additional `json:"additional_repos"`
	LocalPath  string       `json:"local_path"`

	Protected []string `json:"-"` // of the request around it
	row       store.Session
	own       string // the branch that the session has of its own, or would have
}

// remote is a repository of the session as its owner uses it.
func (s *Sources) remote(ctx context.Context, o origin, c Checkout) (Remote, error) {
	return s.parse(ctx, o.row.Owner(), c.Repo)
}

// byKey gives the remote of a session that a path names; store.ErrNotFound when
// it is none of its own.
func (s *Sources) byKey(ctx context.Context, session, key string) (Remote, origin, error) {
	o, err := s.origin(ctx, session)
	if err != nil {
		return Remote{}, o, err
	}
	for _, c := range o.layout() {
		if r, err := Parse(c.Repo); err == nil && r.Key() == key {
			o.own = s.ownIn(o.row, c)
			r, err = s.remote(ctx, o, c)
			return r, o, err
		}
	}
	return Remote{}, o, store.ErrNotFound
}

// parse is a repository as p uses it.
func (s *Sources) parse(ctx context.Context, p store.Principal, repo string) (Remote, error) {
	r, err := Parse(repo)
	if err == nil {
		r, err = s.as(ctx, p, r)
	}
	if err != nil || s.Login == nil || !strings.HasPrefix(r.URL, "http") {
		return r, err
	}
	if r.user, r.password, err = s.Login(ctx, p, repo); err != nil { // the user's own git may do without
		s.Log.Warn("The login for a repository could not be read", "repository", repo, "error", err)
	}
	return r, nil
}

// lock takes a mirror for this caller; unlock gives it back.
func (s *Sources) lock(ctx context.Context, key string) (unlock func(), err error) {
	l := s.lockOf(key)
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// lockFree does so if nobody has it; else unlock is nil.
func (s *Sources) lockFree(_ context.Context, key string) (unlock func(), err error) {
	l := s.lockOf(key)
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	default:
		return nil, nil
	}
}

func (s *Sources) lockOf(key string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.locks[key]
	if l == nil {
		l = make(chan struct{}, 1)
		s.locks[key] = l
	}
	return l
}
