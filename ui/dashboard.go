package ui

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"volundr/ui/client"
)

// Dashboard is the page of all sessions.
type Dashboard struct {
	Shell
	List
	Stats    client.Stats
	Inbox    []client.Need // what needs a person, the longest waiting first
	Failures int           // older ones, which the inbox does not show
	Groups   []Group
	Found    []client.Found
	// Templates are those that a session can be begun from.
	Templates []client.Template
}

// List is a page of sessions, newest first, and what is counted of all.
type List struct {
	Filter   Filter
	Sessions []client.Session // that fit
	Archived []client.Session
	Agents   []string // of all sessions; in any order, more than once
	Counts   []Count  // of those that fit
	Total    int      // all sessions, whether they fit or not
	// Next and NextArchived are where the next page begins; empty: there is none.
	Next, NextArchived string
}

// Count is how many sessions a repository has.
type Count struct {
	Repo     string
	Archived bool
	N        int
}

// Group is the sessions of one repository.
type Group struct {
	Repo     string
	Name     string
	Sessions []client.Session // of the page
	Total    int
}

// NewDashboard sorts sessions into a Dashboard: groups in the order of their
// latest life.
func NewDashboard(shell Shell, list List, inbox []client.Need, stats client.Stats, found []client.Found) Dashboard {
	d := Dashboard{Shell: shell, List: list, Inbox: inbox, Stats: stats, Found: found}
	groups := map[string]*Group{}
	for _, s := range list.Sessions {
		g := groups[s.Repo]
		if g == nil {
			g = &Group{Repo: s.Repo, Name: repoName(s.Repo), Total: list.count(s.Repo)}
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
	d.Agents = slices.Compact(slices.Sorted(slices.Values(list.Agents)))
	return d
}

func latest(g Group) client.Session {
	return slices.MaxFunc(g.Sessions, func(a, b client.Session) int { return a.CreatedAt.Compare(b.CreatedAt) })
}

// count is how many of a repository fit, archived ones aside.
func (l List) count(repo string) (n int) {
	for _, c := range l.Counts {
		if c.Repo == repo && !c.Archived {
			n += c.N
		}
	}
	return n
}

// fit is how many fit: archived ones, or all the others.
func (l List) fit(archived bool) (n int) {
	for _, c := range l.Counts {
		if c.Archived == archived {
			n += c.N
		}
	}
	return n
}

// more is the page with what is behind a place.
func (l List) more(param, place string) string {
	q := url.Values{param: {place}}
	for name, value := range map[string]string{"q": l.Filter.Query, "state": l.Filter.State, "agent": l.Filter.Agent} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "/?" + q.Encode()
}

// shownOf is a group's count; the script counts likewise.
func shownOf(shown, total int) string {
	if shown < total {
		return fmt.Sprintf("%d of %d", shown, total)
	}
	return fmt.Sprint(max(shown, total))
}
