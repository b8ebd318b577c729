package auth

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"volundr/daemon/auth/oidc"
	"volundr/store"
)

// proxyIssuer is whose word it is by which users are kept apart from those of
// identity providers, whose names are URLs.
const proxyIssuer = "proxy"

// ProxyLogin is a way in by what trusted proxies say in headers.
type ProxyLogin struct {
	User, Email, Tenant, Groups string // names of the headers
	Roles                       Roles
	Life                        time.Duration // of a browser's login
	Logout                      string        // the proxy's own way out; empty: none
}

func (l *ProxyLogin) headers() []string {
	if l == nil {
		return nil
	}
	return []string{l.User, l.Email, l.Tenant, l.Groups}
}

// identity is what a trusted proxy says of who asks.
type identity struct {
	User   string
	Email  string
	Tenant string
	Groups []string
}

// claimsLogin reports whether a request says anything that only a trusted proxy
// may.
func claimsLogin(h http.Header, l *ProxyLogin) bool {
	for _, name := range l.headers() {
		if len(h.Values(name)) > 0 {
			return true
		}
	}
	return false
}

// readIdentity reads the headers of a trusted proxy. bad is a sentence: they cannot
// be those of one user.
func readIdentity(h http.Header, l *ProxyLogin) (s *identity, bad string) {
	if l == nil {
		return nil, ""
	}
	s = &identity{}
	for _, one := range []struct {
		name string
		to   *string
	}{{l.User, &s.User}, {l.Email, &s.Email}, {l.Tenant, &s.Tenant}} {
		values := h.Values(one.name)
		if len(values) > 1 {
			return nil, "The proxy sends the header " + one.name + " more than once: it has to replace what a browser sends."
		}
		if len(values) == 0 {
			continue
		}
		v := strings.Trim(values[0], " \t")
		if len(v) > 255 || !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return r == ',' || unicode.IsControl(r) }) {
			return nil, "The proxy sends a header " + one.name + " that names more than one, or is not plain text of at most 255 characters."
		}
		*one.to = v
	}
	if s.User == "" {
		return nil, ""
	}
	for _, g := range list(h.Values(l.Groups)) {
		if g != "" {
			s.Groups = append(s.Groups, g)
		}
	}
	return s, ""
}

// key stands for all of it, in the stored hash of a login: with another user, or
// other groups, it is found no more.
func (s *identity) key() string {
	raw, _ := json.Marshal(s) // of strings
	return string(raw)
}

// hashOf is what is stored of a cookie's secret: of a login by a proxy's word,
// bound to that.
func hashOf(secret string, s *identity) string {
	if s == nil {
		return digest(secret)
	}
	return digest(secret + "\n" + s.key())
}

// identityOf is who a trusted proxy says that a request is from; nil: nobody.
func identityOf(r *http.Request) *identity {
	v, _ := arrivalOf(r.Context())
	return v.who
}

// believe logs a browser in as who the proxy says that it is. ok is false when
// it has answered.
func (a *Auth) believe(w http.ResponseWriter, r *http.Request) (login store.Login, ok bool) {
	l, s := a.public.Login, identityOf(r)
	role := l.Roles.of(s.Groups)
	if role == "" {
		a.notBelieved(w, r, &oidc.Refusal{Detail: "You are logged in at the proxy, and in none of the groups that may use this installation. Ask whoever runs it."})
		return login, false
	}
	name := s.Email
	if name == "" {
		name = s.User
	}
	u, err := a.welcome(r, s.Tenant, store.Vouched{Issuer: proxyIssuer, Subject: s.User, Name: userName(name), Role: role, Follow: len(l.Roles.ByGroup) > 0})
	if err == nil {
		login, err = a.logIn(w, r, store.Principal{UserID: u.ID, TenantID: u.TenantID}, store.ViaProxy, l.Life)
	}
	if why := (*oidc.Refusal)(nil); errors.As(err, &why) {
		a.notBelieved(w, r, why)
		return login, false
	}
	if err != nil {
		a.fail(w, r, "Cannot log in by the word of a proxy", err)
		return login, false
	}
	return login, true
}

// mayBelieve reports whether a request is a person's page load, with which a
// login may begin.
func mayBelieve(r *http.Request) bool {
	return identityOf(r) != nil && r.Method == http.MethodGet && IsPageLoad(r) && !isPrefetch(r) && !isCrossSite(r)
}

func (a *Auth) notBelieved(w http.ResponseWriter, r *http.Request, why *oidc.Refusal) {
	if !a.another(r, "proxy") {
		tooMany(w, r)
		return
	}
	a.log.WarnContext(r.Context(), "Nobody was logged in", "error", why, "issuer", proxyIssuer)
	p := Page{Title: "You are not logged in", Detail: why.Detail}
	if to := a.public.Login.Logout; to != "" {
		p.Link, p.LinkText = to, "Log in as somebody else"
	}
	Answer(w, r, http.StatusForbidden, p)
}

// leftByProxy answers who logs out: the proxy would let them in again at once.
func (a *Auth) leftByProxy(w http.ResponseWriter, r *http.Request) {
	p := Page{Title: "Logged out", Detail: "You are logged out here. The proxy that logged you in does so again when you open Volundr; log out there too.", Link: "/", LinkText: "Log in again"}
	if to := a.public.Login.Logout; to != "" {
		w.Header().Set("Refresh", "0; url="+to)
		p = Page{Title: "Logged out", Detail: "You are logged out here. One moment: the proxy logs you out too.", Link: to, LinkText: "Continue"}
	}
	Answer(w, r, http.StatusOK, p)
}
