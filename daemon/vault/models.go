package vault

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// maxRequest bounds a request to a model in bytes: what the providers take.
const maxRequest = 32 << 20

// Models serves wire.OutsideModels: /models/<provider>/<path of its API>, for
// requests whose context names a session. Of what a session sends, the body, a
// few headers and listed parameters go on; where to is not its choice. The
// provider's answer comes back as it comes, errors included; a refused key alone
// is told in our words, for its owner can mend it.
func (v *Vault) Models() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, path := v.route(r)
		if at == nil {
			http.Error(w, "There is no such provider of models.", http.StatusNotFound)
			return
		}
		u, ok, known := at.target(r.Method, path, r.URL.RawQuery)
		switch {
		case known && !ok:
			at.refuse(w, http.StatusMethodNotAllowed, "Volundr does not pass this method on to "+at.title+".")
			return
		case !ok:
			at.refuse(w, http.StatusNotFound, "Volundr does not pass this path on to "+at.title+".")
			return
		case r.ContentLength > maxRequest:
			at.refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is larger than %d MiB.", maxRequest>>20))
			return
		}
		p, row, err := v.owner(r.Context())
		if err != nil {
			v.Log.Warn("A model request was refused", "provider", at.name, "error", err)
			at.refuse(w, http.StatusForbidden, "Models are there for sessions.")
			return
		}
		k, err := v.keyFor(r.Context(), p, at)
		if err != nil {
			v.Log.Info("A model request had no key", "provider", at.name, "reason", at.advice(err))
			at.refuse(w, http.StatusUnauthorized, at.advice(err))
			return
		}
		if k.name != "" {
			if err := v.DB.AuditUse(r.Context(), row, k.name); err != nil {
				v.Log.Error("The use of a model's key was not audited", "provider", at.name, "error", err)
				at.refuse(w, http.StatusServiceUnavailable, "The daemon could not note that the key is used. See its log.")
				return
			}
		}
		if spends(r) {
			var large *http.MaxBytesError
			switch err := v.hold(w, r, row); {
			case err == nil:
			case r.Context().Err() != nil: // the agent went away, and asks again
				panic(http.ErrAbortHandler)
			case errors.As(err, &large):
				at.refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is larger than %d MiB.", maxRequest>>20))
				return
			default:
				v.Log.Error("A request to a model could not be held", "session", row.ID, "error", err)
				at.refuse(w, http.StatusServiceUnavailable, "The daemon could not look at the budget. See its log.")
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		wait := v.waits(r.Context(), at)
		defer wait.end()
		v.pass(at, u, k, p, wait).ServeHTTP(w, r)
	})
}

// route gives the provider and the path below it exactly as it was sent: what
// is not literally on the list has no other reading.
func (v *Vault) route(r *http.Request) (at *provider, path string) {
	raw := r.URL.EscapedPath()
	if r.URL.Host != "" || r.URL.Opaque != "" || (r.RequestURI != "" && !strings.HasPrefix(r.RequestURI, "/")) {
		return nil, ""
	}
	rest, ok := strings.CutPrefix(raw, wire.OutsideModels)
	if !ok {
		return nil, ""
	}
	name, path, _ := strings.Cut(rest, "/")
	return v.providers[name], "/" + path
}

func (v *Vault) pass(at *provider, u *url.URL, k key, p store.Principal, wait *wait) http.Handler {
	return &httputil.ReverseProxy{
		Transport:     v.transport,
		FlushInterval: -1, // every piece of a stream at once
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL, r.Out.Host = u, u.Host
			r.Out.Header = sent(r.In.Header)
			k.put(r.Out.Header)
		},
		ModifyResponse: func(res *http.Response) error {
			v.remember(p, at, res.StatusCode)
			wait.answered(res.StatusCode)
			if res.StatusCode >= 300 && res.StatusCode < 400 {
				return errRedirect
			}
			return received(res, at, k)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			v.failed(w, r, at, err, wait)
		},
	}
}

var errRedirect = errors.New("a redirect")

// failed answers for a provider that did not. The error itself goes to the log
// only as far as it cannot hold a key.
func (v *Vault) failed(w http.ResponseWriter, r *http.Request, at *provider, err error, wait *wait) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		at.refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is larger than %d MiB.", maxRequest>>20))
		return
	case r.Context().Err() != nil: // the agent went away
		panic(http.ErrAbortHandler)
	case errors.Is(err, errRedirect):
		at.refuse(w, http.StatusBadGateway, at.base.Host+" answered with a redirect, which Volundr does not follow. Check the base URL of "+at.title+".")
		return
	}
	wait.unreachable(reason(err))
	v.Log.Warn("A provider of models did not answer", "provider", at.name, "host", at.base.Host, "error", reason(err))
	at.refuse(w, http.StatusBadGateway, fmt.Sprintf("%s could not be reached: %s.", at.base.Host, reason(err)))
}

// refuse answers in the provider's own form, so that agents show it.
func (p *provider) refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	if status < 500 {
		w.Header().Set("X-Should-Retry", "false") // for Anthropic's SDKs
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(p.problem(status, message))
}
