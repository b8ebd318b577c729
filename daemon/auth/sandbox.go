package auth

import (
	"fmt"
	"net"
	"net/http"
	"slices"

	"volundr/store"
)

// anonymous is who asks a listener that asks for no token. It sees its own
// sandboxes and nobody else's.
var anonymous = store.Login{ID: "anonymous", Hash: "anonymous", UserID: "anonymous", TenantID: Local.TenantID,
	UserName: "anonymous", Role: store.RoleDeveloper, Scopes: []string{ScopeSandboxes}}

// SandboxDoor is the door of a listener for the sandbox API alone. With open it
// asks for no token: programs on this machine may come in, web pages not. addr
// is what is listened on; encrypted says that the door of other addresses than
// loopback may be used.
//
//	421  foreign Host      403  any Origin, another site
//	401  nobody            429  too many wrong tokens
func (a *Auth) SandboxDoor(addr net.Addr, encrypted, open bool, next http.Handler) (http.Handler, error) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("the sandbox API cannot be served on %s", addr)
	}
	var names []string
	if tcp.IP.IsLoopback() {
		port := fmt.Sprint(tcp.Port)
		names = []string{net.JoinHostPort(tcp.IP.String(), port), net.JoinHostPort("localhost", port)}
	} else if !encrypted || open {
		return nil, fmt.Errorf("refusing to serve the sandbox API on %s: other addresses than loopback need TLS and tokens", addr)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.hosts.secure(w.Header())
		if names != nil && !slices.Contains(names, requestHost(r)) {
			Answer(w, r, http.StatusMisdirectedRequest, Page{Title: "Not a name of this server",
				Detail: fmt.Sprintf("The sandbox API does not answer to this host name; ask %s instead.", names[0])})
			return
		}
		// No browser has a reason to be here.
		if why := Forged(r, "", false); why != "" || isCrossSite(r) {
			refuse(w, r, "The sandbox API is for programs, and refuses what a web page asks for.")
			return
		}
		seen := a.live.count()
		login, err := a.byToken(r)
		switch {
		case err == nil:
		case r.Header.Get("Authorization") != "" && !open:
			a.wrongToken(w, r, err)
			return
		case open:
			login = anonymous
		case !a.open(r):
			unauthorized(w, r, "Missing Authorization header")
			return
		default:
			next.ServeHTTP(noCookies{w}, r)
			return
		}
		a.admit(noCookies{w}, r, login, seen, func() (store.Login, error) { return a.byToken(r) }, next)
	}), nil
}
