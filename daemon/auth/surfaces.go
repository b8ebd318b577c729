package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
	hosts *hosts
	key   []byte // derived from the token file: a new token ends all labels
	login func(ctx context.Context, hash string) (store.Login, error)

	mu      sync.Mutex
	grants  map[string]*grant // by label
	revoked map[string]bool   // logins: none of theirs comes back from a request under way
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
	// Origin is the surface's own origin, Control that of the UI, which alone may
	// frame it.
	Origin  string
	Control string
	// Live is done when the right ends: connections are cut then.
	Live context.Context
	// Remembered: the browser showed the surface's cookie.
	Remembered bool

	proof string
}

func newSurfaces(h *hosts, token string, login func(context.Context, string) (store.Login, error)) *Surfaces {
	key := sha256.Sum256([]byte("volundr surface labels v1\n" + token))
	return &Surfaces{hosts: h, key: key[:], login: login, grants: map[string]*grant{}, revoked: map[string]bool{}}
}

// Mint gives the label under which a login may see a surface. The caller has
// checked that the session is the login's to see. port is for previews.
func (s *Surfaces) Mint(login store.Login, session string, surface Surface, port int) (string, error) {
	l := label{surface: surface, port: port, session: session}
	if err := l.valid(); err != nil {
		return "", fmt.Errorf("open surface: %w", err)
	}
	l.token = s.token(l, login.Hash)
	name := l.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revoked[login.ID] {
		return "", fmt.Errorf("open surface: %w", ErrNoGrant)
	}
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
	names := s.hosts.at(r.Context())
	l, ok := names.label(requestHost(r))
	if !ok {
		return Grant{}, ErrNoGrant
	}
	name := l.String()
	g, ok := s.use(name)
	if !ok {
		login, err := s.proven(r, l)
		if err != nil {
			return Grant{}, err
		}
		if g, ok = s.adopt(l, login); !ok {
			return Grant{}, ErrNoGrant
		}
	}
	if e := g.login.ExpiresAt; !e.IsZero() && !time.Now().Before(e) {
		login, err := s.login(r.Context(), g.login.Hash) // its end moves with its use
		if err != nil {
			s.drop(func(h *grant) bool { return h.login.ID == g.login.ID })
			return Grant{}, fmt.Errorf("%w: %w", ErrNoGrant, err)
		}
		s.adopt(l, login)
	}
	out := Grant{
		Session: l.session, Surface: l.surface, Port: l.port, Login: g.login,
		Origin: names.surface(name), Control: names.origin(), Live: g.ctx, proof: s.proof(name, g.login),
	}
	for _, c := range r.CookiesNamed(SurfaceCookie) {
		out.Remembered = out.Remembered || same(c.Value, out.proof)
	}
	return out, nil
}

// Control is the origin of the UI at the address that a request came to.
func (s *Surfaces) Control(r *http.Request) string { return s.hosts.at(r.Context()).origin() }

// use finds a label that was handed out by this process and is still good.
func (s *Surfaces) use(name string) (grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.grants[name]
	if !ok || !g.used && time.Since(g.minted) > firstUse {
		return grant{}, false
	}
	g.used = true
	return *g, true
}

// proven finds the login of a label that this process has not handed out, or
// not lately, when the browser shows the surface's cookie: it used it before.
func (s *Surfaces) proven(r *http.Request, l label) (store.Login, error) {
	cookies := r.CookiesNamed(SurfaceCookie)
	for _, c := range cookies[:min(4, len(cookies))] {
		hash, _, _ := strings.Cut(c.Value, ".")
		if !same(l.token, s.token(l, hash)) {
			continue
		}
		login, err := s.login(r.Context(), hash)
		if err != nil {
			return store.Login{}, fmt.Errorf("%w: %w", ErrNoGrant, err)
		}
		if same(c.Value, s.proof(l.String(), login)) {
			return login, nil
		}
	}
	return store.Login{}, ErrNoGrant
}

// adopt takes a label into use for a login as it stands in the store.
func (s *Surfaces) adopt(l label, login store.Login) (grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revoked[login.ID] {
		return grant{}, false
	}
	g, ok := s.grants[l.String()]
	if !ok {
		g = newGrant(l, login)
		s.grants[l.String()] = g
	}
	g.used, g.login = true, login
	return *g, true
}

// revoke ends all that was opened with a login.
func (s *Surfaces) revoke(login string) {
	s.mu.Lock()
	s.revoked[login] = true
	s.mu.Unlock()
	s.drop(func(g *grant) bool { return g.login.ID == login })
}

// Withdraw ends what a login has open of a session that it does not see any more.
func (s *Surfaces) Withdraw(login store.Login, session string) {
	s.drop(func(g *grant) bool { return g.session == session && g.login.ID == login.ID })
}

// Forget ends all that was opened of a session: it is deleted.
func (s *Surfaces) Forget(session string) {
	s.drop(func(g *grant) bool { return g.session == session })
}

// move leaves of the surfaces that are open what is still somebody's to be in when
// a user was moved: the user's, of the sessions that went along, unless they only
// look there.
func (s *Surfaces) move(m store.Moved) {
	s.drop(func(g *grant) bool {
		theirs := g.login.UserID == m.User.ID && g.login.TenantID == m.Was.TenantID
		along := slices.Contains(m.Sessions, g.session)
		if theirs && along {
			g.login.TenantID, g.login.Role, g.login.UserName = m.User.TenantID, m.User.Role, m.User.Name
			return Refused(g.login, Work) != ""
		}
		return theirs || along
	})
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

// mac binds a purpose and its subject to a login.
func (s *Surfaces) mac(purpose, subject, login string) []byte {
	m := hmac.New(sha256.New, s.key)
	fmt.Fprintf(m, "%s\n%s\n%s", purpose, subject, login)
	return m.Sum(nil)
}

// token is the unguessable part of a label: 128 bits.
func (s *Surfaces) token(l label, login string) string {
	return base32Lower.EncodeToString(s.mac("label", l.prefix()+"\n"+l.session, login)[:16])
}

// proof is the value of a surface's cookie. The login's hash in it opens
// nothing by itself; with another role it proves nothing any more, for that one
// may not have been handed the label.
func (s *Surfaces) proof(name string, login store.Login) string {
	return login.Hash + "." + hex.EncodeToString(s.mac("used", name, login.Hash+"\n"+string(login.Role)))
}
