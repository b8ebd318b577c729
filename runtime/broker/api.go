package broker

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"volundr/runtime/broker/checkpoint"
	"volundr/runtime/broker/conversation"
	"volundr/runtime/broker/journal"
	"volundr/runtime/broker/wire"
)

// maxBody bounds what the daemon may send: a prompt with images.
const maxBody = 48 << 20

func (b *Broker) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(wire.PathHello, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, wire.Hello{Version: wire.Version, Session: b.config.Session, Run: b.config.Run, Epoch: b.journal.Epoch(), Last: b.journal.Last()})
	})
	mux.HandleFunc(wire.PathHealth, func(w http.ResponseWriter, _ *http.Request) {
		h := b.health()
		status := http.StatusOK
		if !h.Ready() {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, h)
	})
	mux.HandleFunc(wire.PathJournal, b.serveJournal)
	mux.HandleFunc(wire.PathBody, b.serveBody)
	mux.HandleFunc(wire.PathPrompt, b.servePrompt)
	mux.HandleFunc(wire.PathCancel, func(w http.ResponseWriter, r *http.Request) {
		finish(w, b.talk.Cancel(r.Context()), http.StatusAccepted)
	})
	mux.HandleFunc(wire.PathPermission, func(w http.ResponseWriter, r *http.Request) {
		if a, ok := read[wire.Answer](w, r); ok {
			finish(w, b.talk.Answer(r.Context(), r.PathValue("id"), a.Option), http.StatusNoContent)
		}
	})
	mux.HandleFunc(wire.PathMode, func(w http.ResponseWriter, r *http.Request) {
		if c, ok := read[wire.Choice](w, r); ok {
			finish(w, b.talk.SetMode(r.Context(), c.ID), http.StatusNoContent)
		}
	})
	mux.HandleFunc(wire.PathModel, func(w http.ResponseWriter, r *http.Request) {
		if c, ok := read[wire.Choice](w, r); ok {
			finish(w, b.talk.SetModel(r.Context(), c.ID), http.StatusNoContent)
		}
	})
	mux.HandleFunc(wire.PathRewind, b.serveRewind)
	b.packRoutes(mux)
	mux.HandleFunc(wire.PathPorts, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, b.listeners()) })
	mux.HandleFunc(wire.PathEnd, func(w http.ResponseWriter, r *http.Request) {
		err := b.talk.End(r.Context())
		if err == nil {
			err = b.journal.Close()
		}
		finish(w, err, http.StatusNoContent)
	})
	return mux
}

// serveJournal follows the journal until the daemon goes away.
func (b *Broker) serveJournal(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseInt(r.FormValue("after"), 10, 64)
	if err != nil && r.FormValue("after") != "" {
		refuse(w, http.StatusBadRequest, "after is a sequence number.")
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	flush := http.NewResponseController(w)
	flush.Flush()
	reader := b.journal.Read(after)
	defer reader.Close()
	for at := max(after, 0); ; {
		line, err := reader.Next(r.Context())
		if err != nil {
			if r.Context().Err() == nil && !errors.Is(err, io.EOF) {
				b.log.Error("Journal could not be read", "error", err)
			}
			return
		}
		if _, err := w.Write(line); err != nil {
			return
		}
		if at++; at >= b.journal.Last() {
			flush.Flush()
		}
	}
}

func (b *Broker) serveBody(w http.ResponseWriter, r *http.Request) {
	f, err := b.journal.Body(r.PathValue("hash"))
	if err != nil {
		finish(w, err, 0)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	io.Copy(w, f)
}

func (b *Broker) serveRun(w http.ResponseWriter, r *http.Request) {
	c, ok := read[wire.Command](w, r)
	if !ok {
		return
	}
	res, err := b.runner.Run(r.Context(), c)
	if err != nil {
		refuse(w, http.StatusBadGateway, "The command could not be run: "+err.Error())
		return
	}
	answer(w, http.StatusOK, res)
}

func (b *Broker) servePrompt(w http.ResponseWriter, r *http.Request) {
	p, ok := read[wire.Prompt](w, r)
	if !ok {
		return
	}
	fresh, err := b.talk.Prompt(r.Context(), p)
	status := http.StatusOK
	if fresh {
		status = http.StatusAccepted
	}
	finish(w, err, status)
}

func read[T any](w http.ResponseWriter, r *http.Request) (v T, ok bool) {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&v); err != nil {
		refuse(w, http.StatusBadRequest, "The body is not the JSON that is expected here.")
		return v, false
	}
	return v, true
}

// finish answers with status, or with the one that the error stands for.
func finish(w http.ResponseWriter, err error, status int) {
	switch {
	case err == nil:
		w.WriteHeader(status)
	case errors.Is(err, conversation.ErrNotOpen), errors.Is(err, journal.ErrNoBody), errors.Is(err, checkpoint.ErrUnknown):
		refuse(w, http.StatusNotFound, err.Error())
	case errors.Is(err, conversation.ErrInvalid):
		refuse(w, http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, conversation.ErrNotReady), errors.Is(err, conversation.ErrBusy):
		refuse(w, http.StatusConflict, err.Error())
	case errors.Is(err, journal.ErrFull):
		refuse(w, http.StatusInsufficientStorage, "The disk of this session's journal is full. Free space, then send the message again.")
	default:
		refuse(w, http.StatusInternalServerError, err.Error())
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, detail string) {
	answer(w, status, wire.Problem{Detail: detail})
}
