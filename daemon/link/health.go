package link

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
)

// watch asks for the health of the pod until the connection ends: until every
// part answers so often that asking adds little to the wait (a twentieth, at
// least pace.first), then every few seconds.
func (s *session) watch(ctx context.Context, c *conn, log *slog.Logger) error {
	began, missed, met := time.Now(), 0, false
	for {
		h, err := c.health(ctx, s.clean(ctx, s.id))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if missed++; missed == 3 || c.mux.IsClosed() {
				return err
			}
		default:
			missed = 0
			if err := s.heardOf(ctx, h); err != nil && ctx.Err() == nil {
				log.Warn("A session's health was not written", "error", err)
			}
			if !met && h.Ready() && s.isReady() {
				met = true
				s.meet(ctx, log)
			}
		}
		wait := s.pace.hurry
		switch {
		case s.isReady() && h.Ready():
			wait = s.pace.health
		case !s.isReady():
			wait = min(max(time.Since(began)/20, s.pace.first), s.pace.hurry)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.mux.CloseChan():
			return ErrNotConnected
		case <-time.After(wait):
		}
	}
}

// meet tells that a session is there to be asked.
func (s *session) meet(ctx context.Context, log *slog.Logger) {
	if s.Met == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	row, err := s.DB.SystemSession(ctx, s.id)
	if err == nil {
		err = s.Met(ctx, row)
	}
	if err != nil && ctx.Err() == nil {
		log.Debug("What is noted of a session that is ready was not", "error", err)
	}
}

// health asks once. A pod that is not ready answers 503 with the same body.
func (c *conn) health(ctx context.Context, redact func(string) string) (h wire.Health, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	res, err := c.send(ctx, wire.PathHealth, "", nil, nil)
	if err != nil {
		return h, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return h, c.failed(ctx, err)
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
		return h, refuse(res.StatusCode, b)
	}
	err = json.Unmarshal(b, &h)
	h.Detail, h.Output = plain(redact(h.Detail), 500), shortLines(redact(h.Output))
	return h, err
}

// heardOf writes down what is new in h.
func (s *session) heardOf(ctx context.Context, h wire.Health) error {
	s.mu.Lock()
	before, first, ready, trouble := s.health, !s.heard, s.ready, s.trouble
	s.health, s.heard = h, true
	moves := h.Detail == "" && (first || before.Detail != "") && s.talk != nil && s.talk.stall != nil
	if moves { // progress that stands in no entry
		s.talk.stall = nil
	}
	s.mu.Unlock()
	defer func() {
		if first || h != before || h.Ready() != ready {
			s.Changed()
		}
	}()
	switch {
	case !ready && h.Ready():
		if err := s.DB.SetReady(ctx, s.id, s.run, time.Now()); err != nil {
			return err
		}
		s.set(func() { s.ready = true })
		if err := s.show(ctx); err != nil {
			return err
		}
	case !ready && !h.Failed && h.Detail != "" && h.Detail != before.Detail:
		return s.DB.SetDoing(ctx, s.id, h.Detail)
	case !ready:
		return nil
	case moves:
		if err := s.show(ctx); err != nil {
			return err
		}
	}
	said := detail(h, trouble)
	if trouble == "" && s.Paused(s.id) {
		said = paused
	}
	return s.DB.SetDetail(ctx, s.id, said)
}

// paused is what is said of a session whose parts are frozen.
const paused = "Paused, because nothing has happened in it for a while. It wakes by itself when you open or ask something."

// detail says what does not answer in a session that once did.
func detail(h wire.Health, trouble string) string {
	var silent []string
	for i, answers := range []bool{h.Agent, h.Editor, h.Terminal} {
		if !answers {
			silent = append(silent, wire.Parts[i])
		}
	}
	switch {
	case trouble != "":
		return trouble
	case h.Ready():
		return ""
	case h.Detail != "":
		return h.Detail
	case len(silent) == 1:
		return "The " + silent[0] + " does not answer."
	default:
		return "These do not answer: " + strings.Join(silent, ", ") + "."
	}
}
