package ui

import (
	"slices"
	"strings"

	"volundr/ui/client"
)

// Filter narrows the dashboard. It stands in the query of its URL. The server
// looks for what fits; the script does so among the rows of the page, by
// haystack.
type Filter struct {
	Query string // q
	State string // state: a Look's class, or empty
	Agent string // agent
}

// Appearance is what a session's look depends on.
type Appearance struct {
	Status, Activity string
	Unseen           bool
}

var appearances = []Appearance{
	{Unseen: true}, {Status: client.Running}, {client.Running, client.Idle, false}, {client.Running, client.Active, false},
	{client.Running, client.ToolExecuting, false}, {client.Running, client.Waiting, false},
	{Status: client.Created}, {Status: client.Starting}, {Status: client.Provisioning}, {Status: client.Stopping},
	{Status: client.Stopped}, {Status: client.Failed}, {Status: client.Archived},
}

func (a Appearance) look() Look {
	return LookOf(client.Session{Status: a.Status, ActivityState: &a.Activity, Unseen: a.Unseen})
}

// OfState are the appearances that State stands for.
func (f Filter) OfState() []Appearance {
	return slices.DeleteFunc(slices.Clone(appearances), func(a Appearance) bool { return a.look().Class != f.State })
}

// Words are the appearances of whose words Query is a part.
func (f Filter) Words() []Appearance {
	return slices.DeleteFunc(slices.Clone(appearances), func(a Appearance) bool { return !f.in(a.look().Word) })
}

// Agents are those of whose names Query is a part.
func (f Filter) Agents() (ids []string) {
	for id, name := range agents {
		if f.in(name) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (f Filter) in(words string) bool {
	return strings.Contains(strings.ToLower(words), strings.ToLower(f.Query))
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
