package auth

import (
	"fmt"
	"slices"

	"volundr/store"
)

// Right is what one needs for a route.
type Right int

// Rights. What of the rows behind a route somebody sees is the store's to say.
const (
	Nobody    Right = iota // what no row allows
	Anybody                // whoever is logged in, by whatever
	Read                   // to look at what is one's own
	Work                   // to change it, and to be in a session
	Sandboxes              // the sandbox API
	Person                 // one's own ways in: by a browser's login or the token file, not by a token that could make others
	Admin                  // an admin, for the users that they share a tenant with
	Machine                // an admin of this installation: the daemon, its image, its files
)

// Scopes of tokens: each holds what stands before it, but for sandboxes, which
// work holds too.
const (
	ScopeRead      = "read"
	ScopeSandboxes = "sandboxes"
	ScopeWork      = "work"
	ScopeAdmin     = "admin"
)

// Scopes are all of them, the most last.
var Scopes = []string{ScopeRead, ScopeSandboxes, ScopeWork, ScopeAdmin}

// ScopesOf are those that a role can give to a token, the most first.
func ScopesOf(r store.Role) []string {
	switch r {
	case store.RoleAdmin:
		return []string{ScopeAdmin, ScopeWork, ScopeSandboxes, ScopeRead}
	case store.RoleDeveloper:
		return []string{ScopeWork, ScopeSandboxes, ScopeRead}
	}
	return []string{ScopeRead}
}

// needs are the scopes of which one is enough for a right.
var needs = map[Right][]string{
	Anybody:   Scopes,
	Read:      {ScopeRead, ScopeWork, ScopeAdmin},
	Work:      {ScopeWork, ScopeAdmin},
	Sandboxes: {ScopeSandboxes, ScopeWork, ScopeAdmin},
	Admin:     {ScopeAdmin},
	Machine:   {ScopeAdmin},
}

// roles are those of which one is needed for a right.
var roles = map[Right][]store.Role{
	Anybody:   {store.RoleAdmin, store.RoleDeveloper, store.RoleViewer},
	Read:      {store.RoleAdmin, store.RoleDeveloper, store.RoleViewer},
	Person:    {store.RoleAdmin, store.RoleDeveloper, store.RoleViewer},
	Work:      {store.RoleAdmin, store.RoleDeveloper},
	Sandboxes: {store.RoleAdmin, store.RoleDeveloper},
	Admin:     {store.RoleAdmin},
	Machine:   {store.RoleAdmin},
}

// Refused says in a sentence why a login may not use a route; empty: it may.
func Refused(l store.Login, r Right) string {
	switch {
	case !slices.Contains(roles[r], l.Role) && len(roles[r]) == 2:
		return "Requires one of: volundr:admin, volundr:developer. An admin can give you another role."
	case !slices.Contains(roles[r], l.Role) || r == Machine && l.TenantID != Local.TenantID:
		return "Requires one of: volundr:admin. Ask an admin to do it."
	case r == Person && restricted(l):
		return "Access tokens are made and revoked by a person: log in with a browser, or on the daemon's machine use `volundr tokens`."
	case !inScope(l, r):
		return fmt.Sprintf("This token is not made for that: it needs the scope %s. Make another one in the settings.", needs[r][0])
	}
	return ""
}

// restricted reports whether a login is no person's own.
func restricted(l store.Login) bool { return l.Token || len(l.Scopes) > 0 }

// inScope reports whether the scopes of a login allow what its role may.
func inScope(l store.Login, r Right) bool {
	return !restricted(l) || slices.ContainsFunc(l.Scopes, func(s string) bool { return slices.Contains(needs[r], s) })
}
