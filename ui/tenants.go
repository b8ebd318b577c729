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

// OfTenant says whose a page of settings is. It is empty but for who runs the
// installation, where there is somebody else.
type OfTenant struct {
	All       []client.Tenant
	Tenant    string // the id of the one that is shown
	Elsewhere bool   // it is not the reader's
}

// name is that of the tenant that is shown.
func (p OfTenant) name() string {
	for _, t := range p.All {
		if t.ID == p.Tenant {
			return t.Name
		}
	}
	return ""
}

func ofTenant(page string, t client.Tenant) string { return page + "?tenant=" + url.QueryEscape(t.ID) }

func tenantURL(id, act string) string { return path.Join("/tenants", url.PathEscape(id), act) }

// contents say what is in a tenant.
func contents(t client.Tenant) string {
	return plural(t.Users, "user", "users") + ", " + plural(t.Sessions, "session", "sessions") + ", " + plural(t.Chronicles, "chronicle", "chronicles")
}
