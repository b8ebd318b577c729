package auth

import (
	"mime"
	"net/http"
	"strings"
)

// policy is the control UI's Content-Security-Policy: everything from its own
// origin, nothing inline, frames only of surfaces. 'self' is in frame-src for
// the stable URLs that redirect to a surface.
func (h *hosts) policy() string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data: blob:",
		"font-src 'self'",
		"connect-src 'self' " + h.socket() + "://" + h.control,
		"worker-src 'self'",
		"manifest-src 'self'",
		"frame-src 'self' " + h.surface("*"),
		"form-action 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}

// secure sets what every answer of the control origin carries. Handlers may
// replace Cache-Control for what is the same for everybody.
func (h *hosts) secure(header http.Header) {
	header.Set("Content-Security-Policy", h.policy())
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", referrerPolicy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// Attachment sets the headers under which bytes from a session may stand on
// the control origin: saved to a file, never shown or run.
func Attachment(header http.Header, filename string) {
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": filename}))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "sandbox")
}
