package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"volundr/daemon/auth"
	"volundr/daemon/auth/oidc"
	"volundr/daemon/config"
	"volundr/store"
	"volundr/ui/client"
)

// identity is the way in by the configured identity provider, nil without one.
func identity(cfg config.Config) (*auth.OIDC, error) {
	c := cfg.OIDC
	if c == nil {
		return nil, nil
	}
	secret, err := c.Secret()
	if err != nil {
		return nil, err
	}
	p := oidc.New(oidc.Options{Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: secret, Scopes: c.Scopes, GroupsClaim: c.GroupsClaim})
	o := auth.NewOIDC(p, rolesOf(c.Roles, c.DefaultRole), c.LoginLife)
	o.Tenants = c.Tenants
	return o, nil
}

// rolesOf turns the groups of roles into the roles of groups.
func rolesOf(groups map[string][]string, standard string) auth.Roles {
	out := auth.Roles{ByGroup: map[string]store.Role{}, Default: store.Role(standard)}
	for role, named := range groups {
		for _, g := range named {
			out.ByGroup[g] = store.Role(role)
		}
	}
	return out
}

// identityName is what the login page calls it.
func identityName(cfg config.Config) string {
	if cfg.OIDC == nil {
		return ""
	}
	return cfg.OIDC.Name
}

// vouches tells whether the identity provider answers.
func (d *Daemon) vouches(ctx context.Context) []client.Finding {
	if d.provider == nil {
		return nil
	}
	f := client.Finding{Name: "Identity provider", Status: "ok", Detail: d.provider.Provider.Issuer() + " answers; it leads people back to " + strings.Join(d.auth.Callbacks(), " and ")}
	var why *oidc.Refusal
	if err := d.provider.Provider.Check(ctx); errors.As(err, &why) {
		f.Status, f.Detail = "error", why.Error()
	}
	for _, name := range slices.Sorted(maps.Keys(d.provider.Tenants)) {
		if _, err := d.db.Tenant(ctx, auth.Local, name); errors.Is(err, store.ErrNoTenant) && f.Status == "ok" {
			f.Status, f.Detail = "warning", "oidc.tenants names "+name+", which there is not: nobody of its groups is let in. Make it: volundr tenants add "+name
		}
	}
	return []client.Finding{f}
}
