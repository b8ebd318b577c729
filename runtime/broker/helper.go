package broker

import (
	"context"
	"net/http"
	"time"

	"volundr/runtime/broker/journal"
	"volundr/runtime/broker/wire"
)

// helper serves the volumes of a session that does not run: no agent is
// started, no workspace laid out, and the journal's volume is only read.
func (b *Broker) helper() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(wire.PathHello, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, wire.Hello{Version: wire.Version, Session: b.config.Session, Run: b.config.Run})
	})
	mux.HandleFunc(wire.PathHealth, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		_, err := b.runner.Ports(ctx)
		up := err == nil
		h := wire.Health{Agent: up, Editor: up, Terminal: up, Workspace: workspaceReady}
		status := http.StatusOK
		if !up {
			status, h.Detail = http.StatusServiceUnavailable, "Waiting for the agent's container"
		}
		answer(w, status, h)
	})
	mux.HandleFunc(wire.PathEnd, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	b.packRoutes(mux)
	return mux
}

func (b *Broker) packRoutes(mux *http.ServeMux) {
	mux.HandleFunc(wire.PathRun, b.serveRun)
	mux.HandleFunc(wire.PathPack, b.servePack)
	mux.HandleFunc(wire.PathUnpack, b.serveUnpack)
	mux.HandleFunc(wire.PathCheckpoints, b.serveCheckpoints)
	mux.HandleFunc(wire.PathLoss, b.serveLoss)
}

// conversation names the ACP session that the agent has, or had last.
func (b *Broker) conversation() string {
	if b.talk != nil {
		return b.talk.Session()
	}
	h, err := journal.Recall(b.dir)
	if err != nil {
		b.log.Warn("The journal could not be read", "error", err)
	}
	return h.Session
}
