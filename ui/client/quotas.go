package client

import (
	"context"
	"net/url"
)

// Whom a quota can be for, beside a user.
const (
	EachUser = "@each" // who has none of their own
	AllUsers = "@all"  // all together
)

// NoBudget follows WaitsForModel in the ActivityText of a turn that waits for its
// owner's budget.
const NoBudget = "no budget is left"

// Amounts are how much there may be, or is. As limits, 0 is no limit.
type Amounts struct {
	Sessions int64   `json:"sessions"` // that are not archived
	Storage  int64   `json:"storage"`  // bytes of archives, snapshots and sandboxes' files
	CPU      float64 `json:"cpu"`      // cores of sessions that run
	Memory   int64   `json:"memory"`   // bytes of sessions that run
	Tokens   int64   `json:"tokens"`   // of today, in UTC
	Cost     float64 `json:"cost"`     // of today, in UTC: US dollars
}

// Quota is what somebody may have, and has.
type Quota struct {
	Limits Amounts `json:"limits"`
	Used   Amounts `json:"used"`
}

// QuotaChange is what PUT /users/{id}/quota sets; what is left out stays, 0 takes
// a limit away.
type QuotaChange struct {
	Sessions *int64   `json:"sessions,omitempty"`
	Storage  *int64   `json:"storage,omitempty"`
	CPU      *float64 `json:"cpu,omitempty"`
	Memory   *int64   `json:"memory,omitempty"`
	Tokens   *int64   `json:"tokens,omitempty"`
	Cost     *float64 `json:"cost,omitempty"`
}

// MyQuota gives one's own.
func (c *Client) MyQuota(ctx context.Context) (Quota, error) {
	return one[Quota](c, ctx, "GET", "/quota", nil)
}

// Quota gives that of a user by id or name, of EachUser or of AllUsers.
func (c *Client) Quota(ctx context.Context, who string) (Quota, error) {
	return one[Quota](c, ctx, "GET", c.within("/users/"+url.PathEscape(who)+"/quota"), nil)
}

// SetQuota changes it.
func (c *Client) SetQuota(ctx context.Context, who string, q QuotaChange) (Quota, error) {
	return one[Quota](c, ctx, "PUT", c.within("/users/"+url.PathEscape(who)+"/quota"), q)
}
