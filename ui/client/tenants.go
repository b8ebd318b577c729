package client

import (
	"context"
	"net/url"
	"time"
)

// WholeTenant is whom a quota is for that whoever runs the installation gives a
// tenant.
const WholeTenant = "@tenant"

// Tenant is one of GET /tenants: users who share nothing with those of others.
type Tenant struct {
	ID           string    `json:"id"`
	Path         string    `json:"path"` // the name: tenants lie in no others
	Name         string    `json:"name"`
	ParentID     *string   `json:"parent_id"` // null
	Tier         string    `json:"tier"`      // developer
	MaxSessions  int64     `json:"max_sessions"`
	MaxStorageGB int64     `json:"max_storage_gb"` // both of the quota @tenant; 0: no limit
	CreatedAt    time.Time `json:"created_at"`
	Users        int       `json:"users"`      // Ours.
	Sessions     int       `json:"sessions"`   // Ours.
	Chronicles   int       `json:"chronicles"` // Ours.
}

// TenantNew is the body of POST /tenants, and of PUT /tenants/{id}.
type TenantNew struct {
	Name string `json:"name"`
}

// UserMove is the body of PUT /users/{id}/tenant.
type UserMove struct {
	Tenant string `json:"tenant"`         // by id or name
	Role   string `json:"role,omitempty"` // absent: as before, but who was an admin is a developer
}

// In gives the same client for the users, quotas and audit of another tenant, by
// id or name; empty: one's own. It is for whoever runs the installation.
func (c *Client) In(tenant string) *Client {
	in := *c
	in.tenant = tenant
	return &in
}

// within adds the tenant to a path.
func (c *Client) within(path string) string {
	if c.tenant == "" {
		return path
	}
	return path + "?tenant=" + url.QueryEscape(c.tenant)
}

// Tenants gives the tenants, by name.
func (c *Client) Tenants(ctx context.Context) ([]Tenant, error) {
	return one[[]Tenant](c, ctx, "GET", "/tenants", nil)
}

// AddTenant makes a tenant.
func (c *Client) AddTenant(ctx context.Context, name string) (Tenant, error) {
	return one[Tenant](c, ctx, "POST", "/tenants", TenantNew{Name: name})
}

// RenameTenant gives a tenant, by id or name, another name.
func (c *Client) RenameTenant(ctx context.Context, tenant, name string) (Tenant, error) {
	return one[Tenant](c, ctx, "PUT", "/tenants/"+url.PathEscape(tenant), TenantNew{Name: name})
}

// RemoveTenant takes a tenant away in which nothing is.
func (c *Client) RemoveTenant(ctx context.Context, tenant string) error {
	return c.Do(ctx, "DELETE", "/tenants/"+url.PathEscape(tenant), nil, nil)
}

// MoveUser moves a user with all that is theirs.
func (c *Client) MoveUser(ctx context.Context, user string, m UserMove) (User, error) {
	return one[User](c, ctx, "PUT", c.within("/users/"+url.PathEscape(user)+"/tenant"), m)
}
