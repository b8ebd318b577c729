package ui

import (
	"net/url"
	"path"
	"slices"
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
	Me      string // the reader's id
	Done    string
	Link    string // that logs For in, shown this once
	For     string
	Name    string // the form's, where it was refused
	Problem string
}

// roleTexts say what a role may.
var roleTexts = map[string]string{
	"admin":     "sees and does everything",
	"developer": "has sessions of their own",
	"viewer":    "looks only",
}

func expired(t client.Token, now time.Time) bool { return !now.Before(t.ExpiresAt) }

func userURL(id, act string) string { return path.Join("/users", url.PathEscape(id), act) }
