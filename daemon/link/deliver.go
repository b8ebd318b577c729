package link

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"volundr/runtime/broker/wire"
)

// bring does send now, whenever it is nudged, and, after an error, again with
// growing waits, until ctx ends.
func (s *session) bring(ctx context.Context, nudge <-chan struct{}, send func() error) error {
	wait := s.pace.first
	for {
		var retry <-chan time.Time
		if err := send(); err == nil {
			wait = s.pace.first
		} else {
			retry = time.After(wait)
			wait = min(wait*2, s.pace.rest)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-nudge:
		case <-retry:
		}
	}
}

// sendPrompts sends what the broker has not taken yet, in order. The broker
// takes an id once, so one that is sent again after a crash is one prompt.
func (s *session) sendPrompts(ctx context.Context, c *conn, log *slog.Logger) error {
	unsent, err := s.DB.UnsentPrompts(ctx, s.id)
	if err != nil {
		log.Error("Prompts could not be read", "error", err)
		return err
	}
	if len(unsent) > 0 {
		if err := s.Awake(ctx, s.id); err != nil {
			return err
		}
	}
	for _, p := range unsent {
		out := wire.Prompt{ID: p.ID}
		err := json.Unmarshal(p.Blocks, &out.Blocks)
		if err == nil {
			err = s.prefaced(ctx, &out)
		}
		if err == nil {
			err = c.prompt(ctx, out)
		}
		if r := refused(err); r != nil && r.final() {
			note := wire.Note{Source: "daemon", Message: "The session did not take the message: " + r.detail}
			if _, err := s.DB.AppendDaemon(ctx, s.id, wire.EntryError, p.ID, note); err != nil {
				return err
			}
			log.Warn("A prompt was refused", "prompt", p.ID, "status", r.status)
		} else if err != nil {
			log.Debug("A prompt was not delivered", "prompt", p.ID, "error", err)
			return err
		}
		if err := s.DB.MarkSent(ctx, p.ID); err != nil {
			return err
		}
	}
	return nil
}

// prefaced puts what the agent is told first before a session's first prompt.
func (s *session) prefaced(ctx context.Context, p *wire.Prompt) error {
	if s.Preface == nil {
		return nil
	}
	first, err := s.DB.FirstPrompt(ctx, s.id)
	if err != nil || first != p.ID {
		return err
	}
	row, err := s.DB.SystemSession(ctx, s.id)
	if err != nil {
		return err
	}
	if text := s.Preface(row); text != "" {
		p.Blocks = append([]wire.Block{{Type: "text", Text: text}}, p.Blocks...)
	}
	return nil
}

func (c *conn) prompt(ctx context.Context, p wire.Prompt) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // images over a slow link
	defer cancel()
	return c.exchange(ctx, wire.PathPrompt, nil, p, maxAnswer, decode(nil))
}

// sendAnswers sends the answers to questions that are still open, those that
// were sent on a connection before this one too. That nobody waits for one any
// more is as good as taken.
func (s *session) sendAnswers(ctx context.Context, c *conn, log *slog.Logger) error {
	s.mu.Lock()
	due := s.talk.answers(c)
	s.mu.Unlock()
	for _, a := range due {
		err := c.answer(ctx, a.ID, a.Option)
		if r := refused(err); r != nil && (r.final() || r.status == 404) {
			log.Debug("An answer was not wanted any more", "permission", a.ID, "status", r.status)
		} else if err != nil {
			return err
		}
		s.mu.Lock()
		s.talk.sent(a.ID, c)
		s.mu.Unlock()
	}
	return nil
}
