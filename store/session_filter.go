package store

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// SessionFilter narrows Sessions and CountSessions. Archived ones are left out unless
// asked for.
type SessionFilter struct {
	States          []State // any of these; none: any
	IncludeArchived bool
	Looks           []Look // any of these; nil: any
	Agent           string // empty: any
	// Text is part of name, repository, branch, model or id, whatever the case of A to Z.
	// It may stand for agents and looks as well, whose names it is a part of.
	Text       string
	TextAgents []string
	TextLooks  []Look
	// Unseen are runtimes that do not answer: what is alive there has the look
	// Unseen and no other.
	Unseen []string

	Before *Place // only what is behind it in the list
	Until  *Place // only what is before it, and itself
	Limit  int    // 0: all
}

// Look is what is to be seen of a session: its state, of one that runs
// "running/" and its activity, or Unseen.
type Look string

// Unseen is the look of a session whose runtime does not answer.
const Unseen Look = "unseen"

// LookOf gives the look of a session in that state.
func LookOf(s State, activity string) Look {
	if s == Running {
		return Look(s) + "/" + Look(activity)
	}
	return Look(s)
}

// Place is one in the list of sessions, that of a session.
type Place struct {
	At time.Time
	ID string
}

// PlaceOf gives a session's place.
func PlaceOf(s Session) Place { return Place{s.CreatedAt, s.ID} }

// String is what ParsePlace reads.
func (p Place) String() string { return fmt.Sprintf("%d.%s", p.At.UnixMilli(), p.ID) }

// ParsePlace reads what String gave.
func ParsePlace(text string) (Place, error) {
	at, id, found := strings.Cut(text, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !found || id == "" {
		return Place{}, errors.New("it is no place in a list of sessions")
	}
	return Place{time.UnixMilli(ms).UTC(), id}, nil
}

// look is the SQL of Look; its argument are the runtimes that do not answer.
const look = ` CASE WHEN state IN ('starting', 'provisioning', 'running', 'stopping') AND runtime IN (SELECT value FROM json_each(?))
	THEN 'unseen' WHEN state = 'running' THEN 'running/' || activity ELSE state END`

// condition is one of a query, and its arguments.
type condition struct {
	sql  string
	args []any
}

func (c *condition) and(sql string, args ...any) {
	c.sql += " AND " + sql
	c.args = append(c.args, args...)
}

// fits is the condition on what is counted, too: state, agent, look and, where
// Text is given, words.
func (f SessionFilter) fits() (c condition) {
	switch {
	case len(f.States) > 0:
		marks := strings.Repeat(", ?", len(f.States))[2:]
		args := make([]any, len(f.States))
		for i, s := range f.States {
			args[i] = string(s)
		}
		c.and(`state IN (`+marks+`)`, args...)
	case !f.IncludeArchived:
		c.and(`state <> 'archived'`)
	}
	if f.Looks != nil {
		c.and(look+` IN (SELECT value FROM json_each(?))`, list(f.Unseen), list(f.Looks))
	}
	if f.Agent != "" {
		c.and(`agent = ?`, f.Agent)
	}
	if f.Text != "" {
		c.and(`(instr(words, lower(?)) OR agent IN (SELECT value FROM json_each(?)) OR`+look+` IN (SELECT value FROM json_each(?)))`,
			f.Text, list(f.TextAgents), list(f.Unseen), list(f.TextLooks))
	}
	return c
}

// between is the condition on places.
func (f SessionFilter) between() (c condition) {
	const row = `coalesce((SELECT rowid FROM sessions WHERE id = ?), ?)` // it may be gone: then nothing is left out
	if p := f.Before; p != nil {
		at := millis(p.At)
		c.and(`created_at <= ? AND (created_at < ? OR rowid < `+row+`)`, at, at, p.ID, int64(1)<<62)
	}
	if p := f.Until; p != nil {
		at := millis(p.At)
		c.and(`created_at >= ? AND (created_at > ? OR rowid >= `+row+`)`, at, at, p.ID, 0)
	}
	return c
}

// plain: nothing is asked for but states and places, which the indexes by time
// hold.
func (f SessionFilter) plain() bool { return f.Looks == nil && f.Agent == "" && f.Text == "" }

// arms are conditions of which each finds some of p's sessions by an index, and
// which together find each of them once. The first is on owned rows alone.
func (p Principal) arms() []condition {
	if p.Admin {
		return []condition{{"tenant_id = ?", []any{p.TenantID}}}
	}
	arms := []condition{{"tenant_id = ? AND owner_id = ?", []any{p.TenantID, p.UserID}}}
	if p.Guest {
		// The plus keeps from looking through all of the tenant for the few that are shared.
		arms = append(arms, condition{"id IN (SELECT session_id FROM shares WHERE tenant_id = ? AND user_id = ?) AND +tenant_id = ? AND owner_id <> ?",
			[]any{p.TenantID, p.UserID, p.TenantID, p.UserID}})
	}
	return arms
}
