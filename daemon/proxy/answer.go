package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"volundr/daemon/auth"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// answer writes a page of ours on a surface's origin. In a frame the page
// around it may show it too.
func (p *Proxy) answer(w http.ResponseWriter, r *http.Request, status int, page auth.Page) {
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	page.Ancestors = "'self' " + p.surfaces.Control(r)
	auth.Answer(w, r, status, page)
}

// unknown answers a label that opens nothing.
func (p *Proxy) unknown(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, auth.ErrNoGrant) {
		p.log.ErrorContext(r.Context(), "Cannot resolve surface", "error", err)
	}
	p.answer(w, r, http.StatusNotFound, auth.Page{
		Title:    "This address does not work any more",
		Detail:   "The address of this view was made for another login or was not used in time; reload the page of the session.",
		Link:     p.surfaces.Control(r) + "/",
		LinkText: "Open Volundr",
	})
}

// failed answers what kept a request from reaching the program.
func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) && errors.Is(err, context.Canceled) {
		panic(http.ErrAbortHandler) // the browser left, or the login ended: nobody to answer
	}
	way := routeFrom(r.Context())
	p.log.DebugContext(r.Context(), "Surface does not answer", "session", way.Session, "port", way.port, "error", err)
	status, page := explain(way, err)
	p.answer(w, r, status, page)
}

// explain says in a sentence what is wrong and what to do.
func explain(way route, err error) (int, auth.Page) {
	switch {
	case errors.Is(err, runtime.ErrNotFound):
		return http.StatusServiceUnavailable, auth.Page{
			Title:  "The session is not running",
			Detail: "The session is not running; start it, and this view comes back by itself.",
			Retry:  3,
		}
	case errors.Is(err, runtime.ErrUnavailable):
		return http.StatusServiceUnavailable, auth.Page{
			Title:  "The engine does not answer",
			Detail: "The engine that runs the session does not answer; `volundr doctor` says why.",
			Retry:  5,
		}
	case errors.Is(err, wire.ErrRefused) && way.Surface == auth.Preview:
		return http.StatusBadGateway, auth.Page{
			Title:  fmt.Sprintf("Nothing listens on port %d", way.port),
			Detail: fmt.Sprintf("Nothing listens on port %d of the session; start the program, and its page appears here.", way.port),
			Retry:  3,
		}
	}
	return http.StatusBadGateway, auth.Page{
		Title:  fmt.Sprintf("The %s does not answer", way.Surface),
		Detail: fmt.Sprintf("The %s does not answer yet, or is being started again.", way.Surface),
		Retry:  2,
	}
}
