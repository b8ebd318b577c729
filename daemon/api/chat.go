package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

// A chat is one WebSocket per open session. Which language it speaks is the
// client's choice of subprotocol:
//
//	client.ChatProtocol  entries of the conversation as they are (ui/client/chat.go)
//	client.PageProtocol  the same, rendered (the browser's chat)
//	none                 the contract's, for clients of the reference server
//
// speaker puts a conversation into the words of one protocol.
type speaker interface {
	// greet is sent first.
	greet(ctx context.Context) error
	// tell is called for every entry, in order, without gaps.
	tell(ctx context.Context, entries []store.Entry) error
	// settled is called when all there is has been told.
	settled(ctx context.Context) error
	// state is called when the session's row changed.
	state(ctx context.Context, row store.Session) error
	// hear handles one frame of the client.
	hear(ctx context.Context, frame []byte) error
}

// socket is one open chat.
type socket struct {
	s     *server
	c     echo.Context
	ws    *websocket.Conn
	p     store.Principal
	row   store.Session
	after int64 // the cursor: the last entry that was told
}

func (s *server) chat(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	// The guard has checked Host and Origin already, stricter than Accept would.
	ws, err := websocket.Accept(c.Response(), c.Request(), &websocket.AcceptOptions{
		Subprotocols: []string{client.ChatProtocol, client.PageProtocol}, InsecureSkipVerify: true,
		CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		return nil // Accept has answered
	}
	defer ws.CloseNow()
	ws.SetReadLimit(maxPrompt + 1<<20)
	k := &socket{s: s, c: c, ws: ws, p: principal(c), row: row}
	var sp speaker
	switch ws.Subprotocol() {
	case client.ChatProtocol:
		sp = &entriesSpeaker{socket: k}
	case client.PageProtocol:
		sp, err = newHTMLSpeaker(k)
	default:
		sp = newContractSpeaker(k)
	}
	if err == nil {
		err = k.run(c.Request().Context(), sp)
	}
	var closed websocket.CloseError
	switch {
	case err == nil, errors.As(err, &closed), errors.Is(err, context.Canceled):
		ws.Close(websocket.StatusNormalClosure, "")
	case isNotFound(err):
		ws.Close(websocket.StatusCode(4404), "the session is gone")
	default:
		ws.Close(websocket.StatusInternalError, "")
		s.Log.Warn("Chat ended", "session", row.ID, "error", err)
	}
	return nil
}

// run pumps both directions until the client, the session or the daemon goes.
func (k *socket) run(ctx context.Context, sp speaker) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := sp.greet(ctx); err != nil {
		return err
	}
	frames := make(chan []byte)
	ended := make(chan error, 1)
	go func() { // ends with ctx: Read does
		for {
			_, b, err := k.ws.Read(ctx)
			if err != nil {
				ended <- err
				return
			}
			select {
			case frames <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	changed, stop := k.s.DB.Subscribe()
	defer stop()
	ping := time.NewTicker(beat)
	defer ping.Stop()
	for {
		if err := k.catchUp(ctx, sp); err != nil {
			return err
		}
		select {
		case <-changed:
		case b := <-frames:
			hear := sp.hear
			if err := k.mayType(); err != nil { // it may watch
				hear = func(ctx context.Context, _ []byte) error { return k.complain(ctx, err) }
			}
			if err := hear(ctx, b); err != nil {
				return err
			}
		case err := <-ended:
			return err
		case <-ping.C:
			if err := k.ws.Ping(ctx); err != nil {
				return err
			}
		case <-k.s.Stopping.Done():
			k.ws.Close(websocket.StatusGoingAway, "the daemon restarts")
			return nil
		}
	}
}

// mayType says why one may only watch.
func (k *socket) mayType() error {
	if guest(k.p, k.row) {
		return fail(http.StatusForbidden, "This session was shared with you to look at.")
	}
	return allowed(k.c, auth.Work)
}

// catchUp tells what is new since the cursor, and the row if it changed.
func (k *socket) catchUp(ctx context.Context, sp speaker) error {
	for {
		entries, err := k.s.DB.Entries(ctx, k.p, k.row.ID, k.after, 0, page)
		if err != nil {
			return err
		}
		if len(entries) > 0 {
			if err := sp.tell(ctx, entries); err != nil {
				return err
			}
			k.after = entries[len(entries)-1].N
		}
		if len(entries) < page {
			break
		}
	}
	if err := sp.settled(ctx); err != nil {
		return err
	}
	row, err := k.s.DB.Session(ctx, k.p, k.row.ID)
	if err != nil {
		return err
	}
	if row.Version != k.row.Version || row.Activity != k.row.Activity || row.UpdatedAt != k.row.UpdatedAt {
		k.row = row
		return sp.state(ctx, row)
	}
	return nil
}

// write sends one JSON frame; a client that takes nothing for ten seconds is
// gone.
func (k *socket) write(ctx context.Context, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return k.ws.Write(ctx, websocket.MessageText, b)
}

// complain tells this client alone what went wrong, under both keys that
// clients read. Only errors that are ours to hide are hidden.
func (k *socket) complain(ctx context.Context, err error) error { return k.complainOf(ctx, "", err) }

// complainOf names the frame that could not be done, so that the client can
// give back what was typed.
func (k *socket) complainOf(ctx context.Context, id string, err error) error {
	_, detail, known := answer(err)
	if !known {
		k.s.Log.Error("Chat request failed", "session", k.row.ID, "error", err)
	}
	return k.write(ctx, map[string]any{"type": "error", "id": id, "error": detail, "content": detail})
}
