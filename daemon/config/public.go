package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// Public is an address that other machines reach, beside the one on loopback.
type Public struct {
	// URL is the origin of the UI, as browsers and programs name it.
	URL string `yaml:"url"`
	// Address is what is listened on: "0.0.0.0:443".
	Address string `yaml:"address"`
	// Surfaces is the wildcard name of editors, terminals and previews,
	// "*.volundr-surfaces.example"; empty: "*." and the host of URL.
	Surfaces string `yaml:"surfaces"`
	// TLS is the certificate for URL and Surfaces; without one a proxy ends TLS.
	TLS TLS `yaml:"tls"`
	// TrustedProxies are the addresses (or ranges) of proxies whose
	// X-Forwarded-Proto, -For and -Host are believed.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// ProxyLogin is nil where no proxy says who somebody is.
	ProxyLogin *ProxyLogin `yaml:"proxy_login"`
}

// ProxyLogin has the trusted proxies say, by headers, who somebody is.
type ProxyLogin struct {
	// Names of the headers.
	UserHeader   string `yaml:"user_header"`
	EmailHeader  string `yaml:"email_header"`
	TenantHeader string `yaml:"tenant_header"`
	RolesHeader  string `yaml:"roles_header"` // a list with commas, of groups
	// Roles and DefaultRole are as those of an identity provider; without either
	// the roles of the contract count: volundr:admin, volundr:developer, volundr:viewer.
	Roles       map[string][]string `yaml:"roles"`
	DefaultRole string              `yaml:"default_role"`
	// LoginLife is how long a browser's login lasts at most, and what was opened
	// with it. Each request of it needs the proxy's word all the same.
	LoginLife time.Duration `yaml:"login_life"`
	// LogoutURL is where logging out leads: the proxy's own way out.
	LogoutURL string `yaml:"logout_url"`
}

func (p *Public) fill() {
	if p == nil {
		return
	}
	if p.Surfaces == "" && p.Host() != "" {
		p.Surfaces = "*." + p.Host()
	}
	l := p.ProxyLogin
	if l == nil {
		return
	}
	for header, usual := range map[*string]string{&l.UserHeader: "x-auth-user-id", &l.EmailHeader: "x-auth-email", &l.TenantHeader: "x-auth-tenant", &l.RolesHeader: "x-auth-roles"} {
		if *header == "" {
			*header = usual
		}
	}
	if l.Roles == nil && l.DefaultRole == "" {
		l.Roles = map[string][]string{}
		for _, role := range oidcRoles {
			l.Roles[role] = []string{"volundr:" + role}
		}
	}
	if l.LoginLife == 0 {
		l.LoginLife = 24 * time.Hour
	}
}

// Host is the UI's host name, without a port.
func (p *Public) Host() string {
	u, err := url.Parse(p.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Suffix is what follows the first label in the host of a surface, with the
// port of URL: ".volundr-surfaces.example:8443".
func (p *Public) Suffix() string {
	suffix := strings.TrimPrefix(p.Surfaces, "*")
	if u, err := url.Parse(p.URL); err == nil && u.Port() != "" {
		suffix += ":" + u.Port()
	}
	return suffix
}

// Proxies are the ranges of the trusted proxies.
func (p *Public) Proxies() []netip.Prefix {
	out := make([]netip.Prefix, 0, len(p.TrustedProxies))
	for _, text := range p.TrustedProxies {
		if r, err := parseRange(text); err == nil {
			out = append(out, r)
		}
	}
	return out
}

// Apart says how far browsers keep surfaces from the UI and from each other.
type Apart int

// The steps, each better than the one before.
const (
	OfOneSite   Apart = iota // surfaces are of the site of the UI
	SharedSite               // they are of another site, all of the same
	SiteForEach              // each is a site of its own: a suffix of the public list
)

// Apart says it of the names in use.
func (p *Public) Apart() Apart {
	under := strings.TrimPrefix(p.Surfaces, "*.")
	switch suffix, listed := publicsuffix.PublicSuffix(under); {
	case site(p.Host()) == site("x."+under):
		return OfOneSite
	case suffix == under && (listed || strings.Contains(suffix, ".")):
		return SiteForEach
	}
	return SharedSite
}

// site is what browsers take for the site of a host.
func site(host string) string {
	if s, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return s
	}
	return host
}

func parseRange(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	r, err := netip.ParsePrefix(text)
	if err == nil && r.Addr().Is4In6() && r.Bits() >= 96 {
		r = netip.PrefixFrom(r.Addr().Unmap(), r.Bits()-96)
	}
	return r.Masked(), err
}

// A host name in the one spelling that browsers send.
var (
	hostName   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,99}$`)
)

// taken are headers that say something else.
var taken = []string{"host", "cookie", "origin", "authorization", "connection", "upgrade", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"}

// longestLabel is that of a surface.
const longestLabel = 63

func (p *Public) check(oidc bool) *problem {
	if p == nil {
		return nil
	}
	bad := func(field, format string, args ...any) *problem {
		return &problem{path: "$.public" + field, msg: fmt.Sprintf(format, args...)}
	}
	u, err := url.Parse(p.URL)
	switch {
	case p.URL == "":
		return bad("", "public needs a url: the address that people open, such as https://volundr.example.com")
	case err != nil || u.Scheme != "https" || u.Opaque != "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return bad(".url", "public url %q is not of the form https://volundr.example.com", p.URL)
	case !hostName.MatchString(u.Hostname()):
		return bad(".url", "the host of the public url %q is not a full name in small letters, such as volundr.example.com: names below it, or others, are for editors, terminals and previews", p.URL)
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || n == 0 || n == 443 || strconv.FormatUint(n, 10) != u.Port()) {
		return bad(".url", "leave the port of the public url %q out, or give another than 443", p.URL)
	}
	if p.Address == "" {
		return bad("", "public needs an address to listen on, such as 0.0.0.0:443")
	}
	if msg := checkAddress(p.Address); msg != "" {
		return bad(".address", "%s", msg)
	}
	under, wild := strings.CutPrefix(p.Surfaces, "*.")
	if !wild || !hostName.MatchString(under) || len(under) > 253-longestLabel-1 {
		return bad(".surfaces", "surfaces %q is not of the form '*.volundr-surfaces.example.com' (between quotes, for it begins with an asterisk)", p.Surfaces)
	}
	if (p.TLS.Cert == "") != (p.TLS.Key == "") {
		return bad(".tls", "TLS needs both cert and key")
	}
	for _, file := range []string{p.TLS.Cert, p.TLS.Key} {
		if _, err := os.Stat(file); file != "" && err != nil {
			return bad(".tls", "TLS cannot be used: %s", err)
		}
	}
	for i, text := range p.TrustedProxies {
		at := fmt.Sprintf(".trusted_proxies[%d]", i)
		switch r, err := parseRange(text); {
		case err != nil:
			return bad(at, "%q is no address and no range of addresses such as 10.0.0.0/8", text)
		case r.Bits() == 0:
			return bad(at, "%q is everybody: whoever can reach this address could say who they are; name the addresses of your proxies", text)
		}
	}
	switch {
	case p.TLS.Cert == "" && len(p.TrustedProxies) == 0:
		return bad("", "a public address needs TLS: give tls.cert and tls.key, or name in trusted_proxies the addresses of the proxy that ends it")
	case !oidc && p.ProxyLogin == nil:
		return bad("", "a public address needs a login: set up oidc, or proxy_login where a trusted proxy says who somebody is; login links alone do not do")
	}
	return p.ProxyLogin.check(p)
}

func (l *ProxyLogin) check(p *Public) *problem {
	if l == nil {
		return nil
	}
	bad := func(field, format string, args ...any) *problem {
		return &problem{path: "$.public.proxy_login" + field, msg: fmt.Sprintf(format, args...)}
	}
	var seen []string
	for _, h := range []struct{ field, name string }{{".user_header", l.UserHeader}, {".email_header", l.EmailHeader}, {".tenant_header", l.TenantHeader}, {".roles_header", l.RolesHeader}} {
		name := strings.ToLower(h.name)
		switch {
		case !headerName.MatchString(name):
			return bad(h.field, "%q is not the name of a header, such as x-auth-user-id", h.name)
		case slices.Contains(seen, name):
			return bad(h.field, "header %q stands here twice: each says one thing", h.name)
		case slices.Contains(taken, name) || strings.HasPrefix(name, "sec-"):
			return bad(h.field, "header %q means something else already", h.name)
		}
		seen = append(seen, name)
	}
	switch field, msg := checkRoles(l.Roles, l.DefaultRole); {
	case msg != "":
		return bad(field, "%s", msg)
	case len(p.TrustedProxies) == 0:
		return bad("", "proxy_login believes trusted proxies only: name their addresses in public.trusted_proxies")
	case l.LoginLife < 5*time.Minute || l.LoginLife > 30*24*time.Hour:
		return bad(".login_life", "login_life %s is out of range: give at least 5m and at most 720h", l.LoginLife)
	case p.Apart() == OfOneSite:
		return bad("", "with proxy_login, surfaces must be of another site than %s: the cookie by which the proxy knows people could get to what runs in sessions. Give public.surfaces names under another domain, and let the proxy pass them on without a login", p.Host())
	}
	if l.LogoutURL != "" {
		u, err := url.Parse(l.LogoutURL)
		if err != nil || u.User != nil || strings.ContainsAny(l.LogoutURL, "\"' ;,\\") || !(u.Scheme == "https" && u.Host != "" || u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/")) {
			return bad(".logout_url", "logout_url %q is neither a path such as /oauth2/sign_out nor a URL that begins with https://", l.LogoutURL)
		}
	}
	return nil
}

func checkAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Sprintf("address %q is not of the form 0.0.0.0:443", address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Sprintf("port %q of the public address is not a number from 0 to 65535", port)
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil {
		return fmt.Sprintf("address %q does not begin with an IP address of this machine, or 0.0.0.0 for all", address)
	}
	return ""
}

// Origin is URL as browsers write it in an Origin header.
func (p *Public) Origin() string { return strings.TrimRight(p.URL, "/") }
