package client

import (
	"context"
	"net/url"
)

// SharedCredential is the body of POST /credentials/tenant: without values, the
// caller's own credential of this name is shared.
type SharedCredential struct {
	Name       string            `json:"name"`
	Type       string            `json:"secret_type,omitempty"`
	Data       map[string]string `json:"data,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	InSessions bool              `json:"in_sessions,omitempty"`
}

// ShareCredential shares the credential of an admin with all: with their
// sessions too, or for models, git and pull requests alone.
func (c *Client) ShareCredential(ctx context.Context, name string, inSessions bool) (Credential, error) {
	return one[Credential](c, ctx, "POST", "/credentials/tenant", SharedCredential{Name: name, InSessions: inSessions})
}

// UnshareCredential takes a shared credential back: it is the caller's own then.
func (c *Client) UnshareCredential(ctx context.Context, name string) error {
	return c.Do(ctx, "POST", "/credentials/tenant/"+url.PathEscape(name)+"/unshare", nil, nil)
}
