package auth

import (
	"net/http"
	"net/netip"
	"strings"
)

// mostHops is how many addresses of X-Forwarded-For are looked at, from the
// right.
const mostHops = 32

// forwarded is what the X-Forwarded headers of a request say. Whether that counts
// is for who knows where it comes from.
type forwarded struct {
	protos []string
	host   *string  // empty: none is named; nil: more than one is
	hops   []string // the nearest last
}

func readForwarded(h http.Header) (f forwarded) {
	f.protos = list(h.Values("X-Forwarded-Proto"))
	f.hops = list(h.Values("X-Forwarded-For"))
	switch hosts := list(h.Values("X-Forwarded-Host")); len(hosts) {
	case 0:
		f.host = new(string)
	case 1:
		f.host = &hosts[0]
	}
	return f
}

// list are the values of headers with commas in between; an empty one stands for
// itself.
func list(headers []string) (out []string) {
	for _, h := range headers {
		for v := range strings.SplitSeq(h, ",") {
			out = append(out, strings.Trim(v, " \t"))
		}
	}
	return out
}

// encrypted reports whether a request came by TLS all the way: every proxy that
// says something says so, and where none does, the last connection was.
func (f forwarded) encrypted(direct bool) bool {
	for _, p := range f.protos {
		if !strings.EqualFold(p, "https") {
			return false
		}
	}
	return direct || len(f.protos) > 0
}

// plain reports whether a proxy says that it was asked without TLS.
func (f forwarded) plain() bool {
	return len(f.protos) == 1 && strings.EqualFold(f.protos[0], "http")
}

// client is the right-most address that is not a trusted proxy's: what stands
// left of it, anybody may have written. What is no address ends the search at
// the proxy that passed it on.
func (f forwarded) client(proxies []netip.Prefix, from netip.Addr) netip.Addr {
	for i := len(f.hops) - 1; i >= max(0, len(f.hops)-mostHops); i-- {
		hop, ok := address(f.hops[i])
		if !ok {
			return from
		}
		if from = hop; !within(proxies, hop) {
			return from
		}
	}
	return from
}

// address reads 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1] and
// [2001:db8::1]:443.
func address(text string) (netip.Addr, bool) {
	if p, err := netip.ParseAddrPort(text); err == nil {
		return p.Addr().Unmap().WithZone(""), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if text, ok = strings.CutSuffix(inner, "]"); !ok {
			return netip.Addr{}, false
		}
	}
	a, err := netip.ParseAddr(text)
	return a.Unmap().WithZone(""), err == nil
}
