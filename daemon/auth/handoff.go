package auth

import (
	"context"
	"net/http"
	"strings"
)

// SurfaceCookie is set on surfaces for browsers that keep cookies in frames.
// Nobody needs it: the label is the right. It lets a frame outlive a restart
// of the daemon.
const SurfaceCookie = hostOnly + "volundr-surface"

// HandOff answers the stable control URL of a surface, /s/<id>/editor/…, with a
// redirect to the surface's own origin. rest is the path and query to go on to
// there, "/" for the beginning. The caller has checked that the session is the
// caller's to see, and refused the ports that no preview may show.
func (s *Surfaces) HandOff(w http.ResponseWriter, r *http.Request, session string, surface Surface, port int, rest string) {
	login, ok := LoginFrom(r.Context())
	if !ok {
		unauthorized(w, r, "Missing Authorization header")
		return
	}
	name, err := s.Mint(login, session, surface, port)
	if err != nil {
		Answer(w, r, http.StatusNotFound, Page{Title: "No such surface", Detail: "There is no such surface: " + err.Error() + "."})
		return
	}
	// What cut all that somebody had open may have come before this was.
	if now, err := s.login(context.WithoutCancel(r.Context()), login.Hash); err != nil || Refused(now, Work) != "" {
		s.Withdraw(login, session)
		unauthorized(w, r, "This login was revoked, or is not for working in sessions any more.")
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'self'") // our own page frames it
	h.Set("Location", s.hosts.at(r.Context()).surface(name)+localPath(rest))
	w.WriteHeader(http.StatusSeeOther)
}

// Remember adds the surface's cookie to an answer.
func (g Grant) Remember(h http.Header) {
	c := http.Cookie{
		Name: SurfaceCookie, Value: g.proof, Path: "/",
		Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode, Partitioned: true,
	}
	h.Add("Set-Cookie", c.String())
}

// IsOurCookie reports whether a cookie's name is ours: such are never passed
// into a session, nor taken from one.
func IsOurCookie(name string) bool {
	return strings.HasPrefix(strings.TrimPrefix(name, hostOnly), "volundr-")
}
