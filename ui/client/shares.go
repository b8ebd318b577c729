package client

import (
	"context"
	"net/url"
	"time"
)

// Share is a user who may look at a session, one of GET /sessions/{id}/shares.
type Share struct {
	UserID      string    `json:"user_id"`
	DisplayName string    `json:"display_name"`
	CreatedAt   time.Time `json:"created_at"`
}

func sharesOf(session string) string { return "/sessions/" + url.PathEscape(session) + "/shares" }

// Shares gives those who may look at one's session.
func (c *Client) Shares(ctx context.Context, session string) ([]Share, error) {
	return one[[]Share](c, ctx, "GET", sharesOf(session), nil)
}

// Share lets a user, by id or name, look at one's session.
func (c *Client) Share(ctx context.Context, session, user string) (Share, error) {
	return one[Share](c, ctx, "PUT", sharesOf(session)+"/"+url.PathEscape(user), nil)
}

// Unshare ends that, also in the middle of what they look at.
func (c *Client) Unshare(ctx context.Context, session, user string) error {
	return c.Do(ctx, "DELETE", sharesOf(session)+"/"+url.PathEscape(user), nil, nil)
}
