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
	// Open reports whether a path is open to everybody: style sheets of the
	// login page. Host and origin checks hold there too. nil: none is.
	Open func(*http.Request) bool
	// OIDC logs people in by an identity provider; nil: none does.
	OIDC *OIDC
	// Public is the address that other machines reach; nil: there is none.
	Public *Public
	Log    *slog.Logger
}

// Auth knows who may come in. It is safe for concurrent use.
type Auth struct {
	// Surfaces hands out and knows the host names of surfaces.
	Surfaces *Surfaces

	db           *store.DB
	hosts        *hosts // on loopback
	public       *public
	installation string
	token        string
	dir          string
	loginPage    http.Handler
	open         func(*http.Request) bool // to everybody
	oidc         *OIDC
	flows        flows
	log          *slog.Logger
	failures     *limits // wrong codes and tokens; right ones always pass
	strange      *limits // what is written to the log of who comes from where it should not
	noted        *limits // refused ways in that are audited, of an address, and
	notedAll     *rate.Limiter
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
		hosts:        &h,
		installation: installation,
		token:        token,
		dir:          o.Dir,
		loginPage:    o.LoginPage,
		open:         o.Open,
		oidc:         o.OIDC,
		flows:        newFlows(token),
		log:          o.Log,
		failures:     newLimits(time.Second, 20),
		strange:      newLimits(time.Minute, 1),
		noted:        newLimits(time.Minute, 1),
		notedAll:     rate.NewLimiter(rate.Every(time.Second), 30),
		live:         live{all: map[*underway]bool{}},
	}
	if a.loginPage == nil {
		a.loginPage = http.HandlerFunc(plainLoginPage)
	}
	if a.open == nil {
		a.open = func(*http.Request) bool { return false }
	}
	if o.Public != nil {
		names, err := publicHosts(installation, o.Public)
		if err != nil {
			return nil, err
		}
		a.public = &public{Public: *o.Public, hosts: names}
	}
	a.Surfaces = newSurfaces(a.hosts, token, func(ctx context.Context, hash string) (store.Login, error) {
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

// Kind says what a Host header stands for on loopback.
func (a *Auth) Kind(host string) Kind { return a.hosts.kind(host) }

// KindOf says what the Host of a request stands for at the address that it came
// to.
func (a *Auth) KindOf(r *http.Request) Kind { return a.at(r).kind(requestHost(r)) }

// ControlOrigin is the origin of the UI on this machine:
// "http://volundr-….localhost:7420".
func (a *Auth) ControlOrigin() string { return a.hosts.origin() }

// PublicOrigin is the origin of the UI for everybody else; empty: there is none.
func (a *Auth) PublicOrigin() string {
	if a.public == nil {
		return ""
	}
	return a.public.hosts.origin()
}

// names are those of the address that people are led to.
func (a *Auth) names() *hosts {
	if a.public != nil {
		return a.public.hosts
	}
	return a.hosts
}

// Endpoints are how the browser or program of a request writes URLs of HTTP and
// of WebSockets: "https://volundr.example.com", "wss://volundr.example.com".
func (a *Auth) Endpoints(r *http.Request) (web, socket string) {
	h := a.at(r)
	return h.scheme + "://" + r.Host, h.socket() + "://" + r.Host
}

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
	case same(token, a.token) && a.at(r) == a.hosts: // it is this machine's, and never expires
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
	for i, c := range r.CookiesNamed(a.cookieName(r)) {
		if i == 4 {
			break
		}
		l, err := a.db.LoginByHash(r.Context(), digest(c.Value), time.Now())
		if s := identityOf(r); errors.Is(err, store.ErrNotFound) && s != nil {
			l, err = a.db.LoginByHash(r.Context(), hashOf(c.Value, s), time.Now())
		}
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return l, err
		}
	}
	return store.Login{}, store.ErrNotFound
}
