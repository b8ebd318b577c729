package client

import (
	"context"
	"net/url"
	"time"
)

// RolePrefix stands before a role in Me.Roles, as the contract has it.
const RolePrefix = "volundr:"

// Roles of users.
var Roles = []string{"admin", "developer", "viewer"}

// User is one of GET /users.
type User struct {
	ID          string     `json:"id"`
	Email       string     `json:"email"` // made of the name
	DisplayName string     `json:"display_name"`
	Status      string     `json:"status"` // active
	CreatedAt   time.Time  `json:"created_at"`
	Role        string     `json:"role"`    // Ours. admin, developer, viewer
	SeenAt      *time.Time `json:"seen_at"` // Ours. Last use of a login or token that there still is.
}

// UserNew is the body of POST /users.
type UserNew struct {
	Name string `json:"name"`
	Role string `json:"role,omitempty"` // developer if absent
}

// Token is a personal access token without itself.
type Token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	ExpiresAt  time.Time  `json:"expires_at"` // Ours.
	Scopes     []string   `json:"scopes"`     // Ours. read, sandboxes, work, admin
	User       string     `json:"user"`       // Ours. Whose it is.
}

// TokenMade is a new token: the only time that it is told.
type TokenMade struct {
	Token
	Secret string `json:"token"`
}

// TokenNew is the body of POST /api/v1/users/tokens.
type TokenNew struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes,omitempty"`       // absent: all that one's role may
	Days   int      `json:"expires_days,omitempty"` // 1 to 365, which it is if absent
}

// Users gives the users, by name.
func (c *Client) Users(ctx context.Context) ([]User, error) {
	return one[[]User](c, ctx, "GET", c.within("/users"), nil)
}

// AddUser adds a user.
func (c *Client) AddUser(ctx context.Context, u UserNew) (User, error) {
	return one[User](c, ctx, "POST", c.within("/users"), u)
}

// SetRole gives a user another role.
func (c *Client) SetRole(ctx context.Context, user, role string) (User, error) {
	return one[User](c, ctx, "PUT", c.within("/users/"+url.PathEscape(user)), map[string]string{"role": role})
}

// RemoveUser takes a user's ways in away; what they own stays.
func (c *Client) RemoveUser(ctx context.Context, user string) error {
	return c.Do(ctx, "DELETE", c.within("/users/"+url.PathEscape(user)), nil, nil)
}

// UserLink gives a URL that logs one browser in as a user, once.
func (c *Client) UserLink(ctx context.Context, user string) (string, error) {
	out, err := one[struct {
		URL string `json:"url"`
	}](c, ctx, "POST", c.within("/users/"+url.PathEscape(user)+"/login-links"), nil)
	return out.URL, err
}

const tokens = "/api/v1/users/tokens"

// Tokens gives one's tokens, the newest first; to admins, everybody's.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	return one[[]Token](c, ctx, "GET", tokens, nil)
}

// AddToken makes a token of one's own.
func (c *Client) AddToken(ctx context.Context, t TokenNew) (TokenMade, error) {
	return one[TokenMade](c, ctx, "POST", tokens, t)
}

// RevokeToken ends a token, also in the middle of its use.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.Do(ctx, "DELETE", tokens+"/"+url.PathEscape(id), nil, nil)
}
