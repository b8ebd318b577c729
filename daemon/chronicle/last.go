package chronicle

import (
	"context"
	"fmt"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

const (
	lastLimit = 30 * time.Second // of the agent's last turn
	lastStart = 10 * time.Second // until it has begun
	lastGrace = 5 * time.Second  // for an agent that is gone, to come back
)

// lastID is the id of the prompt that asks for the last words of a run: the same
// whoever asks, so that it is asked once.
func lastID(s store.Session) string { return fmt.Sprintf("last-%s-%d", s.ID, s.Run) }

// isLast reports whether a turn is the last of a run.
func isLast(turn string) bool { return strings.HasPrefix(turn, "last-") }

// askedLast is the label of that turn.
const askedLast = "Asked for a summary"

const lastPrompt = `The session is being stopped now. This is its last turn: write the record of this run for a stranger who will read it, or continue the work, without knowing our conversation.

Answer with one JSON object and nothing else. Use no tools, change no files.
{"summary": "what was asked, what was done and how it turned out, in two to six sentences",
 "key_changes": ["the changes that matter, one sentence each, with file names"],
 "unfinished_work": "what is left, fails or is not tested, and the next step; empty if nothing is"}`

// Asking is what goes on while the agent is asked, for people.
const Asking = "asking the agent for a last summary"

// lastTurn has the session's agent tell the run in its own words, where that is
// worth it and possible. What it says is read by lastWords.
func (c *Chronicles) lastTurn(ctx context.Context, s store.Session) error {
	why, err := c.speechless(ctx, s)
	if err != nil || why != "" {
		c.Log.Debug("No last turn", "session", s.ID, "run", s.Run, "why", why, "error", err)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lastLimit)
	defer cancel()
	changed, stop := c.db.Subscribe()
	defer stop()
	last, err := c.last(ctx, s)
	if err != nil || last.ended {
		return err
	}
	if err := c.db.SetDoing(ctx, s.ID, Asking); err != nil {
		return err
	}
	defer c.db.SetDoing(context.WithoutCancel(ctx), s.ID, "ending the containers")
	if !last.started {
		p := wire.Prompt{ID: lastID(s), Automatic: true, Blocks: []wire.Block{{Type: "text", Text: lastPrompt}}}
		if err := c.Ask(ctx, s.ID, p); err != nil {
			return fmt.Errorf("ask for a last summary: %w", err)
		}
		if last.other { // ours is the next
			if err := c.Cancel(ctx, s.ID); err != nil {
				return fmt.Errorf("end the turn under way: %w", err)
			}
		}
	}
	begin, look := time.NewTimer(lastStart), time.NewTicker(time.Second)
	defer begin.Stop()
	defer look.Stop()
	there := time.Now() // when the agent was last seen
	for {
		if last, err = c.last(ctx, s); err != nil {
			return err
		}
		switch {
		case last.ended:
			return nil
		case last.asks: // it was told to use no tools
			return c.Cancel(ctx, s.ID)
		case last.started && time.Since(last.at) >= lastLimit: // before a daemon was killed
			return c.Cancel(ctx, s.ID)
		}
		if c.answers(s.ID) {
			there = time.Now()
		} else if time.Since(there) >= lastGrace {
			return fmt.Errorf("the agent is gone for %s in its last turn", lastGrace)
		}
		select {
		case <-changed:
		case <-look.C:
		case <-begin.C:
			if !last.started {
				return fmt.Errorf("the agent did not take up its last turn within %s", lastStart)
			}
		case <-ctx.Done():
			return ctx.Err() // the turn is cancelled with the run
		}
	}
}

// answers reports whether a session is connected and its agent there.
func (c *Chronicles) answers(id string) bool {
	if c.Health == nil {
		return true
	}
	h, connected := c.Health(id)
	return connected && h.Agent && !h.Failed
}

// speechless says why there is no last turn; empty: there is one.
func (c *Chronicles) speechless(ctx context.Context, s store.Session) (string, error) {
	switch {
	case c.Ask == nil || c.Cancel == nil:
		return "nobody to ask", nil
	case s.Kind == "sandbox":
		return "a sandbox", nil
	case s.Failure != nil:
		return "failed", nil
	case s.Want != store.WantStopped && s.Want != store.WantArchived:
		return "deleted", nil
	case s.Hurry:
		return "stopped now", nil
	case s.ReadyAt.IsZero():
		return "never ready", nil
	}
	row, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run)
	if err != nil {
		return "", err
	}
	if row.Author == store.AuthorAgent || row.Author == store.AuthorPerson {
		return "told already", nil
	}
	said, err := c.db.Asked(ctx, row.ID)
	if err != nil {
		return "", err
	}
	if !said {
		return "nothing was asked", nil
	}
	if c.CanAsk != nil {
		return c.CanAsk(ctx, s), nil
	}
	return "", nil
}

// lastState is how far the last turn is, as the conversation tells.
type lastState struct {
	started, ended, asks bool
	other                bool // another turn is under way
	at                   time.Time
	text                 words
	reason               string
}

// lastEntries is how far back the last turn is looked for.
const lastEntries = 500

func (c *Chronicles) last(ctx context.Context, s store.Session) (l lastState, err error) {
	p := s.Owner()
	entries, err := c.db.Entries(ctx, p, s.ID, 0, 1<<62, lastEntries)
	if err != nil {
		return l, err
	}
	id := lastID(s)
	for _, e := range entries {
		if e.Source != "journal" || e.Run != s.Run {
			continue
		}
		ours := e.Turn == id
		switch e.Type {
		case wire.EntryTurnStart:
			if l.other = !ours; ours {
				l.started, l.at = true, e.At
			}
		case wire.EntryTurnEnd:
			if l.other = false; ours {
				v, _ := data[wire.TurnEnd](e)
				l.ended, l.reason = true, v.StopReason
			}
		case wire.EntryText:
			if v, ok := data[wire.Text](e); ok && ours {
				l.text.add(v)
			}
		case wire.EntryPermission:
			l.asks = l.asks || ours
		}
	}
	return l, nil
}

// lastWords are the texts that the agent told in its last turn; nil when it told
// none that can be read.
func (c *Chronicles) lastWords(ctx context.Context, s store.Session) (*store.Texts, error) {
	l, err := c.last(ctx, s)
	if err != nil || !l.ended || l.reason != "end_turn" {
		return nil, err
	}
	t, err := parseWords(l.text.last())
	if err != nil {
		c.Log.Info("The agent's last words cannot be read", "session", s.ID, "run", s.Run, "error", err)
		return nil, nil
	}
	clean := c.Redact(s.Owner())
	t.Summary, t.Unfinished = clean(t.Summary), clean(t.Unfinished)
	for i := range t.KeyChanges {
		t.KeyChanges[i] = clean(t.KeyChanges[i])
	}
	t.Author = store.AuthorAgent
	return &t, nil
}
