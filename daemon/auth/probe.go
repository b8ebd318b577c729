package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// A surface has a host name of its own under localhost. Chrome, Edge and
// Firefox know all such names; another browser asks the system, and where that
// does not know them no surface opens and the browser says little. The control
// UI frames the probe: a page under such a name that says to the page around it
// that it is there, and nothing else.
const probeScript = `parent.postMessage("here","*")`

var probeHash = func() string {
	sum := sha256.Sum256([]byte(probeScript))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// ProbeURL is the probe's address, for the browser of a request.
func (a *Auth) ProbeURL(ctx context.Context) string {
	h := a.hosts.at(ctx)
	return h.scheme + "://" + h.probe + "/"
}

func (a *Auth) answerProbe(w http.ResponseWriter, r *http.Request) {
	if !isRead(r) || IsUpgrade(r) || r.URL.Path != "/" {
		refuse(w, r, "There is nothing here but an answer to who asks whether this name is found.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src "+probeHash+"; base-uri 'none'; form-action 'none'; frame-ancestors "+a.at(r).origin())
	w.Write([]byte("<!doctype html><title>Here</title><script>" + probeScript + "</script>"))
}
