package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"volundr/store"
)

// referrerPolicy keeps every URL of ours from other origins. It is not
// no-referrer, for with that browsers send "Origin: null" with the forms of our
// own pages, and a null origin is refused.
const referrerPolicy = "same-origin"

// Options is what New needs. DB, Dir, Listen and Log must be set.
type Options struct {
	DB     *store.DB
	Dir    string // the data directory, for the token file
	Listen string // the address really listened on, "127.0.0.1:7420"
	// LoginPage answers page loads of somebody who is not logged in, with
	// status 401; nil: a plain page that names `volundr open`.
	LoginPage http.Handler
	// Public reports whether a path is open to everybody: style sheets of the
	// login page. Host and origin checks hold there too. nil: none is.
	Public func(*http.Request) bool
	// OIDC logs people in by an identity provider; nil: none does.
	OIDC *OIDC
	Log  *slog.Logger
}

// Auth knows who may come in. It is safe for concurrent use.
type Auth struct {
	// Surfaces hands out and knows the host names of surfaces.
	Surfaces *Surfaces

	db           *store.DB
	hosts        hosts
	installation string
	token        string
	dir          string
	loginPage    http.Handler
	public       func(*http.Request) bool
	oidc         *OIDC
	flows        flows
	log          *slog.Logger
	failures     *rate.Limiter // of wrong codes and tokens; right ones always pass
	live         live
}

// New reads the token and the installation's name, or makes them.
func New(ctx context.Context, o Options) (*Auth, error) {
	installation, err := Installation(ctx, o.DB)
	if err != nil {
		return nil, err
	}
	h, err := newHosts(installation, o.Listen)
	if err != nil {
		return nil, err
	}
	token, err := readToken(o.Dir)
	if err != nil {
		return nil, err
	}
	a := &Auth{
		db:           o.DB,
		hosts:        h,
		installation: installation,
		token:        token,
		dir:          o.Dir,
		loginPage:    o.LoginPage,
		public:       o.Public,
		oidc:         o.OIDC,
		flows:        newFlows(token),
		log:          o.Log,
		failures:     rate.NewLimiter(rate.Every(time.Second), 20),
		live:         live{all: map[*underway]bool{}},
	}
	if a.loginPage == nil {
		a.loginPage = http.HandlerFunc(plainLoginPage)
	}
	if a.public == nil {
		a.public = func(*http.Request) bool { return false }
	}
	a.Surfaces = newSurfaces(h, token, func(ctx context.Context, hash string) (store.Login, error) {
		if hash == programLogin.Hash {
			return programLogin, nil
		}
		l, err := o.DB.LoginByHash(ctx, hash, time.Now())
		if errors.Is(err, store.ErrNotFound) {
			l, err = o.DB.LoginByToken(ctx, hash, time.Now())
		}
		return l, err
	})
	return a, nil
}

// Installation is the installation's name: eight lower-case letters and digits,
// drawn once. It names the control host, the cookie and everything that the
// daemon makes in a runtime.
func Installation(ctx context.Context, db *store.DB) (string, error) {
	name, err := db.SetMetaOnce(ctx, "installation", strings.ToLower(rand.Text()[:8]))
	if err != nil {
		return "", fmt.Errorf("name the installation: %w", err)
	}
	return name, nil
}

// Kind says what a Host header stands for.
func (a *Auth) Kind(host string) Kind { return a.hosts.kind(host) }

// ControlOrigin is the origin of the UI: "http://volundr-….localhost:7420".
func (a *Auth) ControlOrigin() string { return "http://" + a.hosts.control }

// ProgramOrigin is where programs ask, with the token: "http://127.0.0.1:7420".
func (a *Auth) ProgramOrigin() string { return "http://" + a.hosts.program[0] }

// TokenFile is the path of the file with the bearer token.
func (a *Auth) TokenFile() string { return filepath.Join(a.dir, tokenFile) }

// Logins gives p's logins, the last used first.
func (a *Auth) Logins(ctx context.Context, p store.Principal) ([]store.Login, error) {
	return a.db.Logins(ctx, p)
}

// Revoke ends one of p's logins and everything that was opened with it:
// streams and surfaces are cut in the middle of a connection.
// store.ErrNotFound when p has no such login.
func (a *Auth) Revoke(ctx context.Context, p store.Principal, id string) error {
	if err := a.db.DeleteLogin(ctx, p, id); err != nil {
		return fmt.Errorf("revoke login: %w", err)
	}
	a.end(ctx, id)
	return nil
}

// byToken checks the bearer token of a request: that of the token file, or a
// person's. store.ErrNotFound when it is neither.
func (a *Auth) byToken(r *http.Request) (store.Login, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return store.Login{}, store.ErrNotFound
	case same(token, a.token):
		return programLogin, nil
	case !strings.HasPrefix(token, tokenPrefix):
		return store.Login{}, store.ErrNotFound
	}
	now := time.Now()
	l, err := a.db.LoginByToken(r.Context(), digest(token), now)
	if err == nil && now.Sub(l.UsedAt) >= tokenStep {
		if err := a.db.TouchToken(r.Context(), l.ID, now); err != nil {
			a.log.WarnContext(r.Context(), "Cannot note the use of a token", "error", err)
		}
	}
	return l, err
}

// byCookie finds the login of a request's cookie. A name can stand there more
// than once; four are tried.
func (a *Auth) byCookie(r *http.Request) (store.Login, error) {
	for i, c := range r.CookiesNamed(a.cookieName()) {
		if i == 4 {
			break
		}
		l, err := a.db.LoginByHash(r.Context(), digest(c.Value), time.Now())
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return l, err
		}
	}
	return store.Login{}, store.ErrNotFound
}
