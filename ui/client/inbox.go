package client

import (
	"context"
	"net/url"
	"time"
)

// Kinds of what needs a person.
const (
	NeedPermission = "permission" // the agent asks whether it may
	NeedQuestion   = "question"   // the agent asks something else
	NeedStall      = "stall"      // the turn makes no progress
	NeedFailure    = "failure"    // the session failed
	NeedTime       = "time"       // the session's time to live is nearly over
)

// Need is one line of GET /inbox: something that waits for a person. Text and
// Detail are the session's word and hostile.
type Need struct {
	ID        string    `json:"id"` // fixed for this event: who told of it once need not again
	Kind      string    `json:"kind"`
	SessionID string    `json:"session_id"`
	Session   string    `json:"session"` // name
	At        time.Time `json:"at"`
	// Until is when what it tells of happens, where that is known.
	Until    *time.Time `json:"until,omitempty"`
	Text     string     `json:"text"`             // one line
	Detail   string     `json:"detail,omitempty"` // of a permission: what would be done, line by line
	Cut      bool       `json:"cut,omitempty"`    // Detail is not all of it: the chat has it in full
	Question string     `json:"question,omitempty"`
	Options  []Option   `json:"options,omitempty"` // of a permission or question: its answers
}

// Inbox gives what needs a person, the longest waiting first.
func (c *Client) Inbox(ctx context.Context) ([]Need, error) {
	return one[[]Need](c, ctx, "GET", "/inbox", nil)
}

// Answer answers an open question of a session with one of its options.
func (c *Client) Answer(ctx context.Context, session string, a Answer) error {
	return c.Do(ctx, "POST", "/sessions/"+url.PathEscape(session)+"/answers", a, nil)
}

// Cancel stops the turn that is under way.
func (c *Client) Cancel(ctx context.Context, session string) error {
	return c.Do(ctx, "POST", "/sessions/"+url.PathEscape(session)+"/cancel", nil, nil)
}

// Allows reports whether an answer lets the agent do what it asked for.
func (o Option) Allows() bool { return o.Kind != "reject_once" && o.Kind != "reject_always" }
