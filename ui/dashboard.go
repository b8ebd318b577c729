package ui

import (
	"cmp"
	"slices"
	"strings"

	"volundr/ui/client"
)

// Filter narrows the dashboard. It stands in the query of its URL.
type Filter struct {
	Query string // q
	State string // state: a Look's class, or empty
	Agent string // agent
}

// Dashboard is the page of all sessions.
type Dashboard struct {
	Shell
	Filter   Filter
	Stats    client.Stats
	Inbox    []client.Need // what needs a person, the longest waiting first
	Groups   []Group
	Archived []client.Session
	Found    []client.Found
	Agents   []string
	Total    int // sessions before the filter
	// Templates are those that a session can be begun from.
	Templates []client.Template
}

// Group is the sessions of one repository.
type Group struct {
	Repo     string
	Name     string
	Sessions []client.Session
}

// NewDashboard sorts sessions, newest first, into a Dashboard: groups in the
// order of their latest life.
func NewDashboard(shell Shell, sessions []client.Session, inbox []client.Need, stats client.Stats, found []client.Found, f Filter) Dashboard {
	d := Dashboard{Shell: shell, Filter: f, Inbox: inbox, Stats: stats, Found: found, Total: len(sessions)}
	groups := map[string]*Group{}
	for _, s := range sessions {
		if !slices.Contains(d.Agents, s.Agent) {
			d.Agents = append(d.Agents, s.Agent)
		}
		if !f.match(s) {
			continue
		}
		if s.Status == client.Archived {
			d.Archived = append(d.Archived, s)
			continue
		}
		g := groups[s.Repo]
		if g == nil {
			g = &Group{Repo: s.Repo, Name: repoName(s.Repo)}
			groups[s.Repo] = g
		}
		g.Sessions = append(g.Sessions, s)
	}
	for _, g := range groups {
		d.Groups = append(d.Groups, *g)
	}
	slices.SortFunc(d.Groups, func(a, b Group) int {
		return cmp.Or(latest(b).CreatedAt.Compare(latest(a).CreatedAt), strings.Compare(a.Repo, b.Repo))
	})
	slices.Sort(d.Agents)
	return d
}

func latest(g Group) client.Session {
	return slices.MaxFunc(g.Sessions, func(a, b client.Session) int { return a.CreatedAt.Compare(b.CreatedAt) })
}

func (f Filter) match(s client.Session) bool {
	return (f.State == "" || LookOf(s).Class == f.State) && (f.Agent == "" || s.Agent == f.Agent) &&
		strings.Contains(haystack(s), strings.ToLower(f.Query))
}

// haystack is what a search looks through.
func haystack(s client.Session) string {
	return strings.ToLower(strings.Join([]string{s.Name, s.Repo, others(s), s.Branch, agentName(s.Agent), s.Model, LookOf(s).Word, s.ID}, " "))
}

// filters are the states offered, in order.
var filters = []struct{ Class, Word string }{
	{"work", "Working"}, {"wait", "Waiting for you"}, {"run", "Running"}, {"go", "Starting or stopping"},
	{"bad", "Failed"}, {"off", "Stopped"}, {"new", "Created"},
}
