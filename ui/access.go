package ui

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"volundr/ui/client"
)

// TokensPage shows access tokens, never themselves, and makes new ones.
type TokensPage struct {
	Shell
	Tokens  []client.Token
	Me      string // the reader's name
	Scopes  []string
	Made    *client.TokenMade // shown this once
	Done    string
	Name    string // the form's, where it was refused
	Problem string
}

// others reports whether tokens of somebody else are among them.
func (p TokensPage) others() bool {
	return slices.ContainsFunc(p.Tokens, func(t client.Token) bool { return t.User != p.Me })
}

// scopeTexts say what a scope allows.
var scopeTexts = map[string]string{
	"read":      "Look only",
	"sandboxes": "Sandboxes only",
	"work":      "Work in sessions and sandboxes",
	"admin":     "Everything that an admin may",
}

// lives are how long a token can be made for.
var lives = []struct {
	Days string
	Text string
}{{"7", "a week"}, {"30", "30 days"}, {"90", "90 days"}, {"365", "a year"}}

// UsersPage shows who may come in, and lets others in.
type UsersPage struct {
	Shell
	Users   []client.User
	Quotas  map[string]client.Quota // by user's id, and of client.EachUser and client.AllUsers
	Me      string                  // the reader's id
	Done    string
	Link    string // that logs For in, shown this once
	For     string
	Name    string // the form's, where it was refused
	Problem string
	OfTenant
}

// act is where a form about a user leads.
func (p UsersPage) act(id, act string) string {
	if !p.Elsewhere {
		return userURL(id, act)
	}
	return userURL(id, act) + "?tenant=" + url.QueryEscape(p.Tenant)
}

// roleTexts say what a role may.
var roleTexts = map[string]string{
	"admin":     "sees and does everything",
	"developer": "has sessions of their own",
	"viewer":    "looks only",
}

// quotaNames are the fields of a quota for people.
var quotaNames = map[string]string{"sessions": "Sessions", "cpu": "Cores", "memory": "Memory", "storage": "Storage", "tokens": "Tokens a day", "cost": "Dollars a day"}

// quotaUnits say what of a quota is counted.
var quotaUnits = map[string]string{"sessions": "sessions", "cpu": "cores", "memory": "memory", "storage": "storage", "tokens": "tokens today", "cost": "today"}

// quotaLine says in a line what somebody has, and of how much.
func quotaLine(q client.Quota) string {
	var out []string
	for _, field := range client.QuotaFields {
		if line := q.Line(field); line != "" {
			out = append(out, line+" "+quotaUnits[field])
		}
	}
	return strings.Join(out, ", ")
}

func expired(t client.Token, now time.Time) bool { return !now.Before(t.ExpiresAt) }

func userURL(id, act string) string { return path.Join("/users", url.PathEscape(id), act) }
