// Package source gives sessions their workspace: git remotes through mirrors
// that the host's own git keeps, and copies of local folders.
//
// Only the host's git talks to remotes, with the user's helpers and keys; a
// session gets packs over its link and holds no credential. What stands in a
// folder that an agent can write is never trusted: git runs in directories of
// ours, no hook of a repository is run, and links are not followed.
package source

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path"
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
	Type      string `json:"type"`
	Repo      string `json:"repo"`
	Branch    string `json:"branch"`
	LocalPath string `json:"local_path"`

	Protected []string `json:"-"` // of the request around it
	row       store.Session
	own       string // the branch that the session would have of its own
}

// remote gives the one remote that a session may reach.
func (s *Sources) remote(ctx context.Context, session string) (Remote, origin, error) {
	row, err := s.DB.SystemSession(ctx, session)
	if err != nil {
		return Remote{}, origin{}, err
	}
	var request struct {
		Source    origin   `json:"source"`
		Protected []string `json:"protected_branches"`
	}
	if err := json.Unmarshal(row.Request, &request); err != nil {
		return Remote{}, origin{}, fmt.Errorf("launch request of session %s: %w", session, err)
	}
	o := request.Source
	o.row = row
	o.Protected, o.own = request.Protected, path.Join(cmp.Or(s.BranchPrefix, standardPrefix), row.Name)
	repo := o.Repo
	if o.Type == LocalCopy {
		repo = o.LocalPath
	}
	if o.Type == LocalMount || repo == "" {
		return Remote{}, o, store.ErrNotFound
	}
	r, err := s.parse(ctx, store.Principal{UserID: row.OwnerID, TenantID: row.TenantID}, repo)
	return r, o, err
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
	s.mu.Lock()
	l := s.locks[key]
	if l == nil {
		l = make(chan struct{}, 1)
		s.locks[key] = l
	}
	s.mu.Unlock()
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
