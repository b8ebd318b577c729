package client

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// Login is a browser that is logged in as the caller.
type Login struct {
	ID         string    `json:"id"`
	Agent      string    `json:"agent"` // as the browser names itself
	Via        string    `json:"via"`   // link, oidc
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"` // within the hour
	ExpiresAt  time.Time `json:"expires_at"`
	Current    bool      `json:"current"` // it is the one that asks
}

// Logins gives the caller's browsers, the last used first.
func (c *Client) Logins(ctx context.Context) ([]Login, error) {
	return one[[]Login](c, ctx, "GET", "/logins", nil)
}

// RevokeLogin logs a browser out, also in the middle of what it does.
func (c *Client) RevokeLogin(ctx context.Context, id string) error {
	return c.Do(ctx, "DELETE", "/logins/"+url.PathEscape(id), nil, nil)
}

// Browser is what to call the browser: "Firefox on Linux".
func (l Login) Browser() string {
	program := l.marked("a browser", "Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari", "curl/", "curl")
	if system := l.marked("", "Android", "Android", "iPhone", "an iPhone", "iPad", "an iPad", "Windows", "Windows", "Mac OS X", "macOS", "CrOS", "ChromeOS", "Linux", "Linux"); system != "" {
		return program + " on " + system
	}
	return program
}

// marked is the name behind the first mark that stands in the agent.
func (l Login) marked(none string, marks ...string) string {
	for i := 0; i < len(marks); i += 2 {
		if strings.Contains(l.Agent, marks[i]) {
			return marks[i+1]
		}
	}
	return none
}
