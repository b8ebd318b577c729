package auth

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Public is an address that other machines reach, beside the one on loopback.
// It has names of its own, and those of the one open nothing at the other.
type Public struct {
	Origin  string         // of the UI: "https://volundr.example.com"
	Suffix  string         // of surfaces: ".volundr-surfaces.example"
	Proxies []netip.Prefix // that are believed; with none this daemon ends TLS itself
	Login   *ProxyLogin    // by what they say of somebody; nil: nobody comes in so
}

// public is one with its names.
type public struct {
	Public
	hosts *hosts
}

// arrival is how a request came in at the public address.
type arrival struct {
	hosts  *hosts
	client netip.Addr // the browser's, as far as trusted proxies tell
	who    *identity  // who a trusted proxy says that it is; nil: nobody
}

type arrivalKey struct{}

func arrivalOf(ctx context.Context) (arrival, bool) {
	v, ok := ctx.Value(arrivalKey{}).(arrival)
	return v, ok
}

// at are the names that count for a request: those of the address that it came
// to.
func (h *hosts) at(ctx context.Context) *hosts {
	if v, ok := arrivalOf(ctx); ok {
		return v.hosts
	}
	return h
}

func (a *Auth) at(r *http.Request) *hosts { return a.hosts.at(r.Context()) }

// publicHosts are the names of a public address.
func publicHosts(installation string, p *Public) (*hosts, error) {
	u, err := url.Parse(p.Origin)
	if err != nil {
		return nil, err
	}
	return &hosts{scheme: "https", control: u.Host, suffix: p.Suffix, probe: "probe-" + installation + p.Suffix}, nil
}

// AtPublic is the door of the public address, before all others: it says over
// what, from where and for which name a request came. Behind it a request has
// the Host that the browser asked for, and no header of a proxy any more.
// Trusted proxies are believed, nobody else is.
//
//	308  http, for a page          403  http; a login by headers from somewhere else
//	400  headers that contradict each other
func (a *Auth) AtPublic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		v := arrival{hosts: a.public.hosts, client: peer(r)}
		trusted := within(a.public.Proxies, v.client)
		f := readForwarded(r.Header)
		claims := claimsLogin(r.Header, a.public.Login)
		var bad string
		if trusted {
			v.client = f.client(a.public.Proxies, v.client)
			v.who, bad = readIdentity(r.Header, a.public.Login)
		}
		strip(r.Header, a.public.Login)
		ctx := context.WithValue(r.Context(), arrivalKey{}, v)
		switch {
		case isHealth(r): // of whoever watches over the daemon: by address, and without TLS where a proxy ends it
			r.Host, r.Header = v.hosts.control, http.Header{}
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		case !trusted && r.TLS == nil:
			a.notEncrypted(w, r, v, "This address is reached through its proxy only.")
			return
		case trusted && f.host == nil:
			bad = "The proxy names more than one host for this request."
		case trusted && *f.host != "":
			r.Host, r.URL.User = *f.host, nil
		}
		switch {
		case bad != "":
			Answer(w, r, http.StatusBadRequest, Page{Title: "Not understood", Detail: bad})
		case trusted && !f.encrypted(r.TLS != nil):
			if f.plain() && r.Host == v.hosts.control && IsPageLoad(r) && isTopLevel(r) {
				http.Redirect(w, r, v.hosts.origin()+r.URL.RequestURI(), http.StatusPermanentRedirect)
				return
			}
			a.notEncrypted(w, r, v, "The proxy does not say that this came by TLS.")
		case claims && !trusted:
			a.another(r.WithContext(ctx), "headers")
			if a.strange.allow(v.client) {
				a.log.WarnContext(r.Context(), "A login by headers was refused: it came from no trusted proxy", "from", v.client)
			}
			refuse(w, r, "This request says by headers who it is from, and does not come from a trusted proxy.")
		default:
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
			next.ServeHTTP(w, r.WithContext(ctx))
		}
	})
}

// notEncrypted refuses what came without TLS. The sentence for the operator is in
// the log, for whoever it came from may be anybody.
func (a *Auth) notEncrypted(w http.ResponseWriter, r *http.Request, v arrival, why string) {
	if a.strange.allow(v.client) {
		a.log.WarnContext(r.Context(), "A request to the public address was refused", "why", why, "from", v.client,
			"advice", "Have the proxy send X-Forwarded-Proto, and name its address in public.trusted_proxies.")
	}
	Answer(w, r, http.StatusForbidden, Page{Title: "Refused", Detail: why + " Open " + v.hosts.origin() + " instead.",
		Link: v.hosts.origin() + "/", LinkText: "Open Volundr"})
}

// isHealth reports whether somebody only asks whether the daemon lives.
func isHealth(r *http.Request) bool {
	return isRead(r) && !IsUpgrade(r) && r.URL.RawQuery == "" && (r.URL.Path == "/livez" || r.URL.Path == "/readyz")
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) netip.Addr {
	p, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap().WithZone("")
}

func within(ranges []netip.Prefix, a netip.Addr) bool {
	for _, r := range ranges {
		if r.Contains(a) {
			return true
		}
	}
	return false
}

// client is where a request comes from.
func client(r *http.Request) netip.Addr {
	if v, ok := arrivalOf(r.Context()); ok {
		return v.client
	}
	return peer(r)
}

// isProxyHeader reports whether a header is between proxies: nothing of it gets
// any further.
func isProxyHeader(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "x-forwarded-") || strings.HasPrefix(name, "x-auth-") || name == "forwarded" || name == "x-real-ip"
}

func strip(h http.Header, l *ProxyLogin) {
	for name := range h {
		if isProxyHeader(name) {
			h.Del(name)
		}
	}
	for _, name := range l.headers() {
		h.Del(name)
	}
}
