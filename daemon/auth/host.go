package auth

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a Host header stands for.
type Kind int

// Kinds of hosts. Everything that is not exactly one of ours is Foreign: a
// name that an attacker rebound to loopback, for one.
const (
	Foreign Kind = iota
	Control
	Program
	SurfaceHost
	Probe
)

func (k Kind) String() string {
	return [...]string{"foreign", "control", "program", "surface", "probe"}[k]
}

// hosts are the exact names that one daemon answers to at one address.
type hosts struct {
	scheme  string   // http on loopback, https elsewhere
	control string   // volundr-xxxxxxxx.localhost:7420
	program []string // the first one is for links; none but on loopback
	suffix  string   // of surfaces: .localhost:7420
	probe   string   // probe-xxxxxxxx.localhost:7420
}

// newHosts derives the names from the address that is listened on. It refuses
// every address but loopback: nothing here is encrypted.
func newHosts(installation, listen string) (hosts, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return hosts{}, fmt.Errorf("listen address %q is not host:port: %w", listen, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return hosts{}, fmt.Errorf("listen address %q needs a port between 1 and 65535", listen)
	}
	addr, err := netip.ParseAddr(host)
	if host != "localhost" && (err != nil || !addr.IsLoopback()) {
		return hosts{}, fmt.Errorf("refusing to listen on %q: only loopback addresses are safe without TLS; use 127.0.0.1:%s", listen, port)
	}
	tail := ":" + port
	if port == "80" { // browsers leave out the default port
		tail = ""
	}
	h := hosts{
		scheme:  "http",
		control: ControlName(installation) + tail,
		program: []string{"127.0.0.1" + tail, "localhost" + tail},
		suffix:  ".localhost" + tail,
		probe:   "probe-" + installation + ".localhost" + tail,
	}
	switch {
	case err != nil || addr == netip.AddrFrom4([4]byte{127, 0, 0, 1}):
	case addr.Is6():
		h.program = []string{"[" + addr.String() + "]" + tail, "localhost" + tail}
	default: // 127.0.0.2
		h.program = []string{addr.String() + tail, "localhost" + tail}
	}
	return h, nil
}

// origin is that of the UI.
func (h *hosts) origin() string { return h.scheme + "://" + h.control }

// surface is the origin of a surface's name.
func (h *hosts) surface(name string) string { return h.scheme + "://" + name + h.suffix }

// socket is the scheme of WebSockets.
func (h *hosts) socket() string { return strings.Replace(h.scheme, "http", "ws", 1) }

// encrypted reports whether all of it is encrypted.
func (h *hosts) encrypted() bool { return h.scheme == "https" }

// ControlName is the control UI's host name without a port.
func ControlName(installation string) string { return "volundr-" + installation + ".localhost" }

// kind classifies a Host header by exact comparison: browsers send names in
// lower case, without user and without a trailing dot, so every other spelling
// is foreign.
func (h *hosts) kind(host string) Kind {
	switch {
	case host == h.control:
		return Control
	case slices.Contains(h.program, host):
		return Program
	case host == h.probe:
		return Probe
	}
	if _, ok := h.label(host); ok {
		return SurfaceHost
	}
	return Foreign
}

// label takes a surface's label out of a Host header.
func (h *hosts) label(host string) (label, bool) {
	name, ok := strings.CutSuffix(host, h.suffix)
	if !ok {
		return label{}, false
	}
	return parseLabel(name)
}

// requestHost is the host a request is for. A request line may carry a whole
// URL; one with a user in it is nothing a browser or program of ours sends.
func requestHost(r *http.Request) string {
	if r.URL.User != nil {
		return ""
	}
	return r.Host
}
