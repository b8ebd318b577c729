package store

import (
	"context"
	"fmt"
	"slices"
)

// From which states a wish is legal. Deleting is legal from every state.
var (
	FromStart   = []State{Created, Stopped, Failed}
	FromStop    = []State{Starting, Provisioning, Running}
	FromArchive = []State{Created, Stopped, Failed, Starting, Provisioning, Running}
	FromRestore = []State{Archived}
)

// ConflictError is an ErrConflict with the sentence for people.
type ConflictError struct{ Detail string }

func (e *ConflictError) Error() string { return e.Detail }

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// Wish records what p wants of a session. It is a *ConflictError when the
// session's state is not among from (none given: any state will do) or when it
// is being deleted; wishing it gone again is no error.
//
// It is an ErrQuota when there is no room for what would run, or come back from
// the archive.
//
// A new wish forgives: failure, attempts and ended are cleared, and what is to
// run has its time to live anew. The state goes
// to Starting or Stopping at once where the wish leads there, so that who asked
// sees that it was heard, and a second click is told so; the engine draws its
// own conclusions, never from the state.
func (db *DB) Wish(ctx context.Context, p Principal, id string, want Want, from ...State) (s Session, err error) {
	err = db.write(ctx, func(t *tx) error {
		s, err = scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+session, p.args(id)...))
		switch {
		case err != nil:
			return err
		case s.Want == WantGone && want == WantGone:
			return nil
		case s.Want == WantGone:
			return &ConflictError{fmt.Sprintf("Cannot %s session %s: it is being deleted.", verb(want, from), id)}
		case len(from) > 0 && !slices.Contains(from, s.State):
			return &ConflictError{fmt.Sprintf("Cannot %s session %s: current status is %s%s", verb(want, from), id, s.State, advice(want, s.State))}
		}
		need, _ := db.needs(s)
		if err := t.fits(ctx, s, want, need); err != nil {
			return err
		}
		state, since := heard(want, s.State), s.Since
		if state != s.State {
			since = t.now
		}
		s, err = scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET want = ?, wanted_at = ?, state = ?, since = ?, doing = '',
			failure = NULL, ended = NULL, attempts = 0, retry_at = 0, hurry = 0, expires_at = CASE WHEN ? THEN 0 ELSE expires_at END,
			updated_at = ?, version = version + 1
			WHERE id = ? RETURNING `+sessionColumns, want, millis(t.now), state, millis(since), want == WantRunning, millis(t.now), id))
		if err != nil {
			return err
		}
		if want == WantGone {
			if err := t.audit(ctx, p, ActSessionDeleted, id, map[string]string{"name": s.Name, "owner": s.OwnerID}); err != nil {
				return err
			}
		}
		return t.event(ctx, s, SessionUpdated)
	})
	return s, err
}

// SetCleanup notes what of p's session goes with it when it is deleted.
func (db *DB) SetCleanup(ctx context.Context, p Principal, id string, targets []string) error {
	return db.write(ctx, func(t *tx) error {
		_, err := scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET cleanup = ?, version = version + 1 WHERE id = ? AND`+session+
			` RETURNING `+sessionColumns, p.args(list(targets), id)...))
		return err
	})
}

// heard is the state to show until the engine says better. It never is one in
// which the wish counts as fulfilled.
func heard(want Want, s State) State {
	switch {
	case want == WantRunning:
		return Starting
	case want != WantNone && slices.Contains(FromStop, s):
		return Stopping
	}
	return s
}

func verb(want Want, from []State) string {
	switch {
	case want == WantRunning:
		return "start"
	case want == WantStopped && slices.Contains(from, Archived):
		return "restore"
	case want == WantStopped:
		return "stop"
	case want == WantArchived:
		return "archive"
	}
	return "delete"
}

// advice says what to do instead, and ends the sentence.
func advice(want Want, s State) string {
	switch {
	case s == Archived && want != WantArchived:
		return "; restore it first."
	case s == Archived:
		return "; it is archived already."
	case s == Stopping:
		return "; wait until it has stopped."
	case want == WantRunning && s == Running:
		return "; it runs already, stop it first to start it anew."
	case want == WantRunning:
		return "; it is on its way, wait until it runs."
	case want == WantStopped && s == Failed:
		return "; nothing of it runs, start it again or delete it."
	}
	return "; nothing of it runs."
}
