package auth

import (
	"net/http"
	"strings"
)

// isRead reports whether a request only asks for something.
func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// IsUpgrade reports whether a request wants to become something else than
// HTTP: a WebSocket.
func IsUpgrade(r *http.Request) bool { return len(r.Header.Values("Upgrade")) > 0 }

// IsPageLoad reports whether a person waits for a page: a browser's
// navigation, or a reader of HTML too old to say so. Others are answered in
// JSON.
func IsPageLoad(r *http.Request) bool {
	if !isRead(r) || IsUpgrade(r) {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// isTopLevel reports whether a request loads a whole tab, not a frame.
func isTopLevel(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return IsPageLoad(r) && (dest == "" || dest == "document")
}

// isPrefetch reports whether a browser asks ahead of its user.
func isPrefetch(r *http.Request) bool {
	h := r.Header
	return h.Get("Sec-Purpose") != "" || h.Get("Purpose") != "" || h.Get("X-Purpose") != "" || h.Get("X-Moz") != ""
}

// isCrossSite reports whether a browser says that another origin asks. Another
// port of our own host name ("same-site") is another origin.
func isCrossSite(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return true
		}
	}
	return false
}

// Forged says in a sentence why a request cannot come from a page of origin,
// or nothing when it may. need asks for an Origin on everything that changes
// something or upgrades; where somebody shows a bearer token, which no browser
// adds by itself, an absent one passes.
func Forged(r *http.Request, origin string, need bool) string {
	for _, o := range r.Header.Values("Origin") {
		if o != origin {
			return "This request comes from another origin and was refused."
		}
	}
	switch n := len(r.Header.Values("Origin")); {
	case n > 1:
		return "This request names more than one origin and was refused."
	case n == 0 && need && (!isRead(r) || IsUpgrade(r)):
		return "This request does not say which origin it comes from and was refused."
	}
	if isCrossSite(r) && !isTopLevel(r) {
		return "This request comes from another site and was refused."
	}
	return ""
}
