package proxy

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"

	"volundr/daemon/auth"
)

// inside is a surface's host as the program in the session knows it.
func (w route) inside() string { return "127.0.0.1:" + strconv.Itoa(w.port) }

// rewrite makes a browser's request one to the session's loopback: Host and
// Origin are the program's own, and nothing that is ours or names the label
// goes in.
func rewrite(pr *httputil.ProxyRequest) {
	way, out := routeFrom(pr.In.Context()), pr.Out
	out.URL = &url.URL{
		Scheme: "http", Host: way.inside(),
		Path: pr.In.URL.Path, RawPath: pr.In.URL.RawPath,
		RawQuery: pr.In.URL.RawQuery, ForceQuery: pr.In.URL.ForceQuery,
	}
	out.Host = way.inside()
	if out.Header.Get("Origin") != "" {
		out.Header.Set("Origin", "http://"+way.inside())
	}
	out.Header.Del("Referer")
	if cookies := theirs(pr.In.Header.Values("Cookie")); cookies != "" {
		out.Header.Set("Cookie", cookies)
	} else {
		out.Header.Del("Cookie")
	}
}

// theirs is what remains of Cookie headers without our cookies. The rest stays
// as it was, however odd: it is between the browser and the program.
func theirs(headers []string) string {
	var keep []string
	for _, h := range headers {
		for pair := range strings.SplitSeq(h, ";") {
			pair = strings.TrimSpace(pair)
			name, _, _ := strings.Cut(pair, "=")
			if pair != "" && !auth.IsOurCookie(strings.TrimSpace(name)) {
				keep = append(keep, pair)
			}
		}
	}
	return strings.Join(keep, "; ")
}

// answered makes a program's answer one of the surface's origin.
func (p *Proxy) answered(res *http.Response) error {
	way, h := routeFrom(res.Request.Context()), res.Header
	if res.StatusCode == http.StatusSwitchingProtocols {
		setCookies(h)
		return nil
	}
	policies := framedBy(h.Values("Content-Security-Policy"), way.Control)
	h.Del("Content-Security-Policy")
	for _, c := range policies {
		h.Add("Content-Security-Policy", c)
	}
	h.Del("X-Frame-Options")
	h.Set("Referrer-Policy", "same-origin") // the origin itself is the secret
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Del("Alt-Svc")
	h.Del("Strict-Transport-Security")
	if l := h.Get("Location"); l != "" {
		h.Set("Location", outside(l, way))
	}
	setCookies(h)
	if !way.Remembered && auth.IsPageLoad(res.Request) {
		way.Remember(h)
	}
	return nil
}

// framedBy drops every frame-ancestors that a program sent and adds ours: the
// control UI, and the surface itself, for an editor frames parts of its own.
func framedBy(policies []string, control string) []string {
	var out []string
	for _, header := range policies {
		for policy := range strings.SplitSeq(header, ",") {
			var keep []string
			for directive := range strings.SplitSeq(policy, ";") {
				directive = strings.TrimSpace(directive)
				name, _, _ := strings.Cut(directive, " ")
				if directive != "" && !strings.EqualFold(name, "frame-ancestors") {
					keep = append(keep, directive)
				}
			}
			if len(keep) > 0 {
				out = append(out, strings.Join(keep, "; "))
			}
		}
	}
	return append(out, "frame-ancestors 'self' "+control)
}

// outside turns a redirect to the program's own address into one that stays on
// the surface.
func outside(location string, way route) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return location
	}
	port := strconv.Itoa(way.port)
	switch u.Host {
	case way.inside(), "localhost:" + port, "0.0.0.0:" + port, "[::1]:" + port:
		u.User = nil
		origin, _ := url.Parse(way.Origin)
		u.Scheme, u.Host = origin.Scheme, origin.Host
		return u.String()
	}
	return location
}

// setCookies refuses cookies with our names, and those for more hosts than the
// surface's own.
func setCookies(h http.Header) {
	lines := h.Values("Set-Cookie")
	h.Del("Set-Cookie")
	for _, line := range lines {
		var keep []string
		for i, part := range strings.Split(line, ";") {
			name, _, _ := strings.Cut(part, "=")
			name = strings.TrimSpace(name)
			if i == 0 && auth.IsOurCookie(name) {
				break
			}
			if i == 0 || !strings.EqualFold(name, "Domain") {
				keep = append(keep, part)
			}
		}
		if len(keep) > 0 {
			h.Add("Set-Cookie", strings.Join(keep, ";"))
		}
	}
}
