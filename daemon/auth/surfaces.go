package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"volundr/store"
)

// firstUse is how long a label waits for its first request.
const firstUse = time.Minute

// ErrNoGrant is a surface's host name that opens nothing: never handed out, not
// used in time, or revoked with its login.
var ErrNoGrant = errors.New("no such surface")

// Surfaces hands out the host names of surfaces and knows what they open.
//
// The unguessable label is the right to a surface; one is made per login,
// session, surface and port. Its token is a keyed hash of just those, so that a
// reload, or a restart of the daemon, leads to the same origin again and
// an editor keeps what it stored in the browser. Which labels are in use lives
// in memory only: one that is not used within a minute opens nothing until it
// is handed out again, one in use lives as long as its login. After a restart
// a browser that kept the surface's cookie goes on without noticing (the cookie
// proves the earlier use); one that keeps no cookies in frames (WebKit) comes
// by the stable control URL again on its next reload.
type Surfaces struct {
	hosts hosts
	key   []byte // derived from the token file: a new token ends all labels
	login func(ctx context.Context, hash string) (store.Login, error)

	mu     sync.Mutex
	grants map[string]*grant // by label
}

type grant struct {
	label
	login  store.Login
	minted time.Time
	used   bool
	ctx    context.Context
	cancel context.CancelFunc
}

// Grant is what a surface's host name opens.
type Grant struct {
	Session string
	Surface Surface
	Port    int // previews only
	Login   store.Login
	// Origin is the surface's own origin.
	Origin string
	// Done is closed when the right ends: connections are cut then.
	Done <-chan struct{}

	proof string
}

func newSurfaces(h hosts, token string, login func(context.Context, string) (store.Login, error)) *Surfaces {
	key := sha256.Sum256([]byte("volundr surface labels v1\n" + token))
	return &Surfaces{hosts: h, key: key[:], login: login, grants: map[string]*grant{}}
}

// Mint gives the label under which a login may see a surface. The caller has
// checked that the session is the login's to see. port is for previews.
func (s *Surfaces) Mint(login store.Login, session string, surface Surface, port int) (string, error) {
	l := label{surface: surface, port: port, session: session}
	if err := l.valid(); err != nil {
		return "", fmt.Errorf("open surface: %w", err)
	}
	l.token = s.token(l, login)
	name := l.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.grants[name]; ok {
		g.minted = time.Now()
		return name, nil
	}
	s.sweep()
	s.grants[name] = newGrant(l, login)
	return name, nil
}

// Resolve says what the host name of a request opens, and counts as its use.
func (s *Surfaces) Resolve(r *http.Request) (Grant, error) {
	l, ok := s.hosts.label(requestHost(r))
	if !ok {
		return Grant{}, ErrNoGrant
	}
	name := l.String()
	s.mu.Lock()
	g, ok := s.grants[name]
	if ok && !g.used && time.Since(g.minted) > firstUse {
		ok = false
	}
	if ok {
		g.used = true
	}
	s.mu.Unlock()
	if !ok {
		var err error
		if g, err = s.recall(r, l); err != nil {
			return Grant{}, err
		}
	}
	if e := g.login.ExpiresAt; !e.IsZero() && !time.Now().Before(e) {
		return Grant{}, s.expired(r, g)
	}
	return Grant{
		Session: l.session, Surface: l.surface, Port: l.port, Login: g.login,
		Origin: "http://" + r.Host, Done: g.ctx.Done(), proof: s.proof(name, g.login),
	}, nil
}

// recall takes up a label that this process has not handed out, or not lately,
// from a browser that proves by the surface's cookie to have used it before.
func (s *Surfaces) recall(r *http.Request, l label) (*grant, error) {
	name := l.String()
	for _, c := range r.CookiesNamed(SurfaceCookie)[:min(4, len(r.CookiesNamed(SurfaceCookie)))] {
		hash, _, _ := strings.Cut(c.Value, ".")
		login := store.Login{Hash: hash}
		if subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.proof(name, login))) != 1 ||
			subtle.ConstantTimeCompare([]byte(l.token), []byte(s.token(l, login))) != 1 {
			continue
		}
		login, err := s.login(r.Context(), hash)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoGrant, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		g, ok := s.grants[name]
		if !ok {
			g = newGrant(l, login)
			s.grants[name] = g
		}
		g.used = true
		return g, nil
	}
	return nil, ErrNoGrant
}

// expired looks again at a login whose end has come: it moves with its use.
func (s *Surfaces) expired(r *http.Request, g *grant) error {
	login, err := s.login(r.Context(), g.login.Hash)
	if err != nil {
		s.revoke(g.login.ID)
		return ErrNoGrant
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g.login = login
	return nil
}

// revoke ends all that was opened with a login.
func (s *Surfaces) revoke(login string) {
	s.drop(func(g *grant) bool { return g.login.ID == login })
}

// Forget ends all that was opened of a session: it is deleted.
func (s *Surfaces) Forget(session string) {
	s.drop(func(g *grant) bool { return g.session == session })
}

func (s *Surfaces) drop(gone func(*grant) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, g := range s.grants {
		if gone(g) {
			g.cancel()
			delete(s.grants, name)
		}
	}
}

// sweep forgets labels that were never used. The caller holds mu.
func (s *Surfaces) sweep() {
	for name, g := range s.grants {
		if !g.used && time.Since(g.minted) > firstUse {
			g.cancel()
			delete(s.grants, name)
		}
	}
}

func newGrant(l label, login store.Login) *grant {
	ctx, cancel := context.WithCancel(context.Background())
	return &grant{label: l, login: login, minted: time.Now(), ctx: ctx, cancel: cancel}
}

func (s *Surfaces) mac(purpose, what string, login store.Login) []byte {
	m := hmac.New(sha256.New, s.key)
	fmt.Fprintf(m, "%s\n%s\n%s", purpose, what, login.Hash)
	return m.Sum(nil)
}

// token is the unguessable part of a label: 128 bits.
func (s *Surfaces) token(l label, login store.Login) string {
	return base32Lower.EncodeToString(s.mac("label", l.prefix()+"\n"+l.session, login)[:16])
}

func (s *Surfaces) proof(name string, login store.Login) string {
	return login.Hash + "." + hex.EncodeToString(s.mac("used", name, login))
}
