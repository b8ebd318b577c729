package chronicle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"volundr/daemon/link"
	"volundr/store"
)

// Opened notes that s.Run has begun, with what was asked before it did. Once per
// run, however often it is called.
func (c *Chronicles) Opened(ctx context.Context, s store.Session) error {
	if err := c.resettle(ctx, s); err != nil {
		return fmt.Errorf("snapshot of session %s: %w", s.ID, err)
	}
	if err := c.open(ctx, s, ""); err != nil {
		return fmt.Errorf("open chronicle of session %s, run %d: %w", s.ID, s.Run, err)
	}
	return nil
}

func (c *Chronicles) open(ctx context.Context, s store.Session, parent string) error {
	r := asked(s)
	if parent == "" && s.Run == 1 {
		parent = r.From.Chronicle
	}
	if parent != "" {
		if _, err := c.db.Chronicle(ctx, s.Owner(), parent); isNotFound(err) {
			parent = "" // deleted meanwhile, or never the owner's
		} else if err != nil {
			return err
		}
	}
	began := time.Now().UTC().Truncate(time.Millisecond)
	verb := "Started"
	if s.Run > 1 {
		verb = "Started again"
	}
	rows := []store.TimelineEvent{row(s.Run, "start", began, TypeSession, verb+" "+s.Name, "", Data{Kind: KindStart, Model: r.Model, Branch: r.Source.Branch})}
	waiting, err := c.db.UnsentPrompts(ctx, s.ID)
	if err != nil {
		return err
	}
	for _, p := range waiting {
		rows = append(rows, promptRow(s.Run, p.ID, began, inWords(p.Blocks, p.Via), Data{Who: User}, c.Redact(s.Owner())))
	}
	repos, err := c.repositories(ctx, s)
	if err != nil {
		return err
	}
	repo := c.Redact(s.Owner())(address(r.Source.Repo))
	return c.db.OpenChronicle(ctx, store.Chronicle{
		SessionID: s.ID, Run: s.Run, OwnerID: s.OwnerID, TenantID: s.TenantID, ParentID: parent, StartedAt: began, Name: s.Name,
		Project: project(s.Name, r), Repo: repo, Branch: r.Source.Branch, Model: r.Model, Config: c.config(s, r), Repositories: repos,
	}, rows...)
}

// Completed notes that s.Run has ended, why and when, gives its chronicle what
// is still missing, and puts its number on the session's row. The first reason
// stands. A run that was never opened is opened first.
func (c *Chronicles) Completed(ctx context.Context, s store.Session, reason string, at time.Time) error {
	err := c.complete(ctx, s, reason, at)
	if isNotFound(err) {
		err = c.open(ctx, s, "")
		if err == nil {
			err = c.complete(ctx, s, reason, at)
		}
	}
	if err != nil {
		return fmt.Errorf("complete chronicle of session %s: %w", s.ID, err)
	}
	c.folds.put(s.ID, nil)
	return nil
}

func (c *Chronicles) complete(ctx context.Context, s store.Session, reason string, at time.Time) error {
	row, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run)
	if err != nil {
		return err
	}
	if err := c.settle(ctx, s); err != nil {
		return err
	}
	if row.Status == "draft" {
		reason = c.Redact(s.Owner())(reason)
		if err := c.write(ctx, s, row, reason, at); err != nil {
			return err
		}
		last := c.lastRows(s, reason, at)
		// The last rows are not counted: the tally stays good. And it is only a help.
		if err := c.keepTally(ctx, row); err != nil {
			c.Log.Warn("Tally of a chronicle not kept", "chronicle", row.ID, "error", err)
		}
		return c.db.CompleteChronicle(ctx, s.ID, s.Run, reason, at, last...)
	}
	return c.db.CompleteChronicle(ctx, s.ID, s.Run, reason, at)
}

// lastRows tell how the run ended.
func (c *Chronicles) lastRows(s store.Session, reason string, at time.Time) []store.TimelineEvent {
	d, typ, head := Data{Kind: KindEnd}, TypeSession, "Ended: "+reason
	switch {
	case s.Failure != nil:
		typ, head, d.Source, d.Exit = TypeError, reason, s.Failure.Part, s.Failure.ExitCode
	case reason == "stopped":
		head = "Stopped"
	case reason == "archived":
		head = "Stopped to be archived"
	case reason == "deleted":
		head = "Deleted"
	}
	return []store.TimelineEvent{row(s.Run, "end", at, typ, label(head), head, d)}
}

// write gives the chronicle its texts and its last commit, from what the agent
// said in its last turn, or else by rule.
func (c *Chronicles) write(ctx context.Context, s store.Session, row store.Chronicle, reason string, at time.Time) error {
	events, err := c.events(ctx, row, store.TimelineFilter{Texts: true})
	if err != nil {
		return err
	}
	cut, err := c.cutTurn(ctx, row, events, at)
	if err != nil {
		return err
	}
	if cut != nil {
		if err := c.db.AppendTimeline(ctx, s.ID, s.Run, *cut); err != nil {
			return err
		}
		if row, err = c.db.ChronicleOfRun(ctx, s.ID, s.Run); err != nil {
			return err
		}
		if events, err = c.events(ctx, row, store.TimelineFilter{Texts: true}); err != nil {
			return err
		}
	}
	row.Reason, row.EndedAt = reason, at
	if err := c.lastCommits(ctx, row, events); err != nil {
		return err
	}
	texts, err := c.lastWords(ctx, s)
	if err != nil {
		return err
	}
	if texts == nil {
		texts = of(ruled(row, events))
	}
	return c.db.SetTexts(ctx, row.ID, *texts)
}

// cutTurn is the row for a turn that the run's end cut off, if one was under way.
func (c *Chronicles) cutTurn(ctx context.Context, row store.Chronicle, events []Event, at time.Time) (*store.TimelineEvent, error) {
	f := c.folds.get(row.SessionID)
	if f == nil {
		var err error
		if f, err = c.recall(ctx, link.Batch{Session: row.SessionID}, row.Owner()); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.turn == nil || f.turn.run != row.Run {
		return nil, nil
	}
	if n := len(events); n > 0 && events[n-1].At.Before(at) {
		at = events[n-1].At // nothing was heard of it after that
	}
	return of(rowOfCut(row.Run, f.turn, at)), nil
}

func rowOfCut(run int, t *turn, at time.Time) store.TimelineEvent {
	if t.automatic && isLast(t.id) {
		return row(run, store.KeyTurn+t.id, at, TypeMessage, askedLast, "",
			Data{Kind: KindTurn, Who: Daemon, Automatic: true, Turn: t.id, StopReason: "cut", DurationMS: max(0, at.Sub(t.began).Milliseconds())})
	}
	return row(run, store.KeyTurn+t.id, at, TypeError, "The run ended in the middle of this turn", "",
		Data{Kind: KindTurn, Who: Assistant, Turn: t.id, StopReason: "cut", DurationMS: max(0, at.Sub(t.began).Milliseconds())})
}

// events reads a timeline for the system.
func (c *Chronicles) events(ctx context.Context, row store.Chronicle, f store.TimelineFilter) ([]Event, error) {
	rows, err := c.db.Timeline(ctx, row.Owner(), row.ID, f)
	if err != nil {
		return nil, err
	}
	return read(row, rows)
}

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
