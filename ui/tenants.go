package ui

import (
	"net/url"
	"path"

	"volundr/ui/client"
)

// TenantsPage shows who shares nothing with each other.
type TenantsPage struct {
	Shell
	Tenants []client.Tenant
	Quotas  map[string]client.Quota // of the whole, by the tenant's id
	Done    string
	Name    string // the form's, where it was refused
	Problem string
}

// firstTenant is whoever runs the installation.
const firstTenant = "default"

func tenantURL(id, act string) string { return path.Join("/tenants", url.PathEscape(id), act) }

// contents say what is in a tenant.
func contents(t client.Tenant) string {
	return plural(t.Users, "user", "users") + ", " + plural(t.Sessions, "session", "sessions") + ", " + plural(t.Chronicles, "chronicle", "chronicles")
}
