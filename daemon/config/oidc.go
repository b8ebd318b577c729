package config

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// OIDC is the identity provider that logs people in.
type OIDC struct {
	// Issuer is the provider, exactly as it names itself in its discovery.
	Issuer   string `yaml:"issuer"`
	ClientID string `yaml:"client_id"`
	// ClientSecretFile is the file with the secret; empty: a public client.
	ClientSecretFile string `yaml:"client_secret_file"`
	// Name is what the login page calls the provider; empty: its host.
	Name string `yaml:"name"`
	// Scopes to ask for beside openid.
	Scopes []string `yaml:"scopes"`
	// GroupsClaim is the claim with somebody's groups: "groups",
	// "realm_access.roles".
	GroupsClaim string `yaml:"groups_claim"`
	// Roles are the groups that give them, by role. They are looked at with
	// every login, and the most that one gives counts.
	Roles map[string][]string `yaml:"roles"`
	// DefaultRole is what somebody gets who is in none of these groups; empty:
	// they are not let in. Without Roles it is what everybody begins with.
	DefaultRole string `yaml:"default_role"`
	// Tenants are the groups whose people are in a tenant, by its name: of each of
	// them somebody has to be in one. None: all are in the first.
	Tenants map[string][]string `yaml:"tenants"`
	// LoginLife is after how long the provider is asked again.
	LoginLife time.Duration `yaml:"login_life"`
}

var oidcRoles = []string{"admin", "developer", "viewer"}

func (o *OIDC) fill() {
	if o == nil {
		return
	}
	if o.Scopes == nil {
		o.Scopes = []string{"profile", "email"}
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = "groups"
	}
	if o.LoginLife == 0 {
		o.LoginLife = 24 * time.Hour
	}
	if u, err := url.Parse(o.Issuer); o.Name == "" && err == nil {
		o.Name = u.Hostname()
	}
}

func (o *OIDC) check() *problem {
	if o == nil {
		return nil
	}
	bad := func(field, format string, args ...any) *problem {
		return &problem{path: "$.oidc" + field, msg: fmt.Sprintf(format, args...)}
	}
	u, err := url.Parse(o.Issuer)
	switch {
	case o.Issuer == "":
		return bad("", "oidc needs an issuer: the URL by which the identity provider names itself")
	case err != nil || !isWeb(o.Issuer) || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return bad(".issuer", "issuer %q is not a plain URL of the form https://host/path", o.Issuer)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return bad(".issuer", "issuer %q would be asked unencrypted: use https, or http to this machine only", o.Issuer)
	case o.ClientID == "":
		return bad("", "oidc needs a client_id: the name under which the identity provider knows this installation")
	case len(o.Name) > 100:
		return bad(".name", "the name of the identity provider is longer than 100 characters")
	case o.LoginLife < 5*time.Minute || o.LoginLife > 30*24*time.Hour:
		return bad(".login_life", "login_life %s is out of range: give at least 5m and at most 720h", o.LoginLife)
	}
	if o.ClientSecretFile != "" {
		if _, err := o.Secret(); err != nil {
			return bad(".client_secret_file", "%s", err)
		}
	}
	if field, msg := checkRoles(o.Roles, o.DefaultRole); msg != "" {
		return bad(field, "%s", msg)
	}
	in := map[string]string{}
	for _, tenant := range slices.Sorted(maps.Keys(o.Tenants)) {
		if len(o.Tenants[tenant]) == 0 {
			return bad(".tenants", "tenant %q has no groups: name those whose people are in it", tenant)
		}
		for _, group := range o.Tenants[tenant] {
			if other, twice := in[group]; twice || group == "" {
				return bad(".tenants", "group %q stands here twice (%s, %s) or is empty: a group is of one tenant", group, other, tenant)
			}
			in[group] = tenant
		}
	}
	return nil
}

// checkRoles says what is wrong with the groups that give roles, and the role of
// who is in none of them, and where.
func checkRoles(roles map[string][]string, standard string) (field, msg string) {
	if standard != "" && !slices.Contains(oidcRoles, standard) {
		return ".default_role", fmt.Sprintf("role %q is not known: there are admin, developer and viewer", standard)
	}
	seen := map[string]string{}
	for _, role := range oidcRoles {
		for _, group := range roles[role] {
			if other, twice := seen[group]; twice || group == "" {
				return ".roles", fmt.Sprintf("group %q stands here twice (%s, %s) or is empty: a group gives one role", group, other, role)
			}
			seen[group] = role
		}
	}
	for role := range roles {
		if !slices.Contains(oidcRoles, role) {
			return ".roles", fmt.Sprintf("role %q is not known: there are admin, developer and viewer", role)
		}
	}
	if len(seen) == 0 && standard == "" {
		return "", "this would let nobody in: name groups in roles, such as {developer: [staff]}, or a default_role"
	}
	return "", ""
}

// Secret reads the client's secret; empty: it has none.
func (o *OIDC) Secret() (string, error) {
	if o.ClientSecretFile == "" {
		return "", nil
	}
	raw, err := os.ReadFile(o.ClientSecretFile)
	if err != nil {
		return "", fmt.Errorf("the client's secret cannot be read: %w", err)
	}
	secret := strings.TrimSpace(string(raw))
	if secret == "" || len(secret) > 4096 {
		return "", fmt.Errorf("the client's secret in %s is empty or longer than 4096 characters", o.ClientSecretFile)
	}
	return secret, nil
}
