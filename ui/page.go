package ui

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"volundr/ui/client"
)

// Shell is what every page has around it.
type Shell struct {
	Title   string
	Version string
	Now     time.Time
	Image   *Progress // the session image is being made, or could not be
	Trouble []client.Trouble
	Cursor  int64 // number of the last event that the page knows
	Admin   bool  // who reads it manages users
	Looks   bool  // who reads it changes nothing
	Tenants bool  // and tenants, of which there are several, or users who could be in one
}

// leadsTo reports whether a page of settings is one that the reader may see.
func (s Shell) leadsTo(page string) bool {
	switch page {
	case "Credentials", "Integrations":
		return !s.Looks
	case "Users", "Audit":
		return s.Admin
	case "Tenants":
		return s.Tenants
	}
	return true
}

// Progress is a long preparation that everything waits for.
type Progress struct {
	Step, Steps int // 0 when not known
	Text        string
	Failed      bool
	Lines       []string // last lines of its output, when it failed
}

// Tabs of a session page, in the order of their keys.
var Tabs = []Tab{
	{"chat", "Chat"}, {"editor", "Editor"}, {"terminal", "Terminal"}, {"preview", "Preview"}, {"diffs", "Diffs"}, {"timeline", "Timeline"}, {"logs", "Logs"},
}

// Tab is one pane of a session page.
type Tab struct{ ID, Name string }

// inside are the tabs of those who may type in a session.
var inside = []string{"editor", "terminal", "preview"}

// TabsOf are the tabs of a session for who sees it.
func TabsOf(s client.Session) (ids []string) {
	for _, t := range Tabs {
		if !s.ReadOnly || !slices.Contains(inside, t.ID) {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

func tabsOf(s client.Session) []Tab {
	return slices.DeleteFunc(slices.Clone(Tabs), func(t Tab) bool { return !slices.Contains(TabsOf(s), t.ID) })
}

// ValidTab reports whether id names a tab.
func ValidTab(id string) bool {
	for _, t := range Tabs {
		if t.ID == id {
			return true
		}
	}
	return false
}

// SessionPage is a session with all its panes.
type SessionPage struct {
	Shell
	Session  client.Session
	Tab      string
	Chat     Window
	Status   Item // Transcript.Fixed of each kind
	Options  Item
	Context  Item
	Ports    Item
	Commands Item
	Port     int // preview that the URL names; 0: none
	Logs     []client.LogLine
	Changes  *ChangesPane  // nil: the script asks for them
	Timeline *TimelinePane // the same
	// Probe is a page under a name like those of surfaces: the script looks
	// whether the browser finds such names.
	Probe string
}

// Fill takes the fixed items from the page's transcript.
func (p *SessionPage) Fill(t *Transcript) {
	p.Status, p.Options = t.Fixed(KindStatus), t.Fixed(KindOptions)
	p.Context, p.Ports = t.Fixed(KindContext), t.Fixed(KindPorts)
	p.Commands = t.Fixed(KindCommands)
}

// ConfirmPage asks before a session is stopped or deleted, for browsers without
// script; with it the same stands in a dialog.
type ConfirmPage struct {
	Shell
	Session client.Session
	Act     string // "stop", "delete"
	Loss    client.Loss
}

// FoundPage asks before a found workload is deleted.
type FoundPage struct {
	Shell
	Found client.Found
}

// ErrorPage is an error as a page.
type ErrorPage struct {
	Shell
	Status int
	Detail string // a sentence with the next step
}

// LoginPage says how to log in.
type LoginPage struct {
	Shell
	Reason   string // why the link that was used did not work; empty: none was used
	Provider string // the identity provider that logs people in; empty: none
	Next     string // the page to go on to
}

// by is where the provider logs somebody in.
func (p LoginPage) by() string {
	if p.Next == "" || p.Next == "/" {
		return "/login/oidc"
	}
	return "/login/oidc?next=" + url.QueryEscape(p.Next)
}

// AboutPage is the doctor's report and what this installation is.
type AboutPage struct {
	Shell
	Status   client.Status
	Findings []client.Finding
}

// wildcard are the names of surfaces at a public address; empty on this machine.
func (p SessionPage) wildcard() string {
	host, public := strings.CutPrefix(strings.TrimSuffix(p.Probe, "/"), "https://")
	_, under, _ := strings.Cut(host, ".")
	if !public {
		return ""
	}
	return "*." + under
}
