package ui

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"volundr/ui/client"
)

// ChroniclesPage lists chronicles, or what a search found in them.
type ChroniclesPage struct {
	Shell
	Query, Project, Repo, Model, Tag string
	List                             []client.Chronicle
	Hits                             []client.ChronicleHit // instead of List, when Query is not empty
	Projects, Repos, Models          []string              // what can be filtered by
	Older                            int                   // offset of the next page; 0: this was the last
}

// ChroniclePage is one chronicle.
type ChroniclePage struct {
	Shell
	Chronicle client.Chronicle
	Timeline  client.Timeline
	Chain     []client.Chronicle
	Kinds     []string // of the timeline that are shown; none: all
	Agents    []string // that a reforge can choose from
	Places    []string // runtimes that it can choose from, the one where it ran first
	Name      string   // suggested for it
	Problem   string   // why the last action was refused
	Edit      bool     // the texts are being edited
	Session   bool     // its session is still there
	Skipped   bool     // Timeline does not begin at the beginning
}

// TimelinePane is the running chronicle in a session's page.
type TimelinePane struct {
	Session   client.Session
	Chronicle client.Chronicle // ID empty: there is none yet
	Timeline  client.Timeline
	Kinds     []string
}

// kind is one kind of timeline event that can be filtered by.
type kind struct{ ID, Name, Many string }

var kinds = []kind{
	{"message", "message", "Messages"}, {"file", "file", "Files"}, {"git", "git", "Git"},
	{"terminal", "command", "Commands"}, {"error", "error", "Errors"}, {"session", "session", "Session"},
}

// moment is a time since the run began: "0:07", "12:40", "3:04:10".
func moment(t int64) string {
	if t < 3600 {
		return fmt.Sprintf("%d:%02d", t/60, t%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", t/3600, t%3600/60, t%60)
}

// verb says in a word what an event is.
func verb(e client.TimelineEvent) string {
	switch {
	case e.Type == "terminal":
		return "Ran"
	case e.Kind == "prompt" && e.Automatic:
		return "Continued"
	case e.Kind == "prompt":
		return "Asked"
	case e.Kind == "turn" && e.Who == "daemon": // the last of a run
		return "Summary"
	case e.Kind == "turn" && e.StopReason == "cancelled":
		return "Stopped at"
	case e.Kind == "turn":
		return "Answered"
	case e.Kind == "permission":
		switch {
		case e.Allowed == nil:
			return "Asks"
		case *e.Allowed:
			return "Allowed"
		}
		return "Denied"
	case e.Kind == "answer":
		return "Decided"
	case e.Kind == "mode":
		return "Mode"
	case e.Kind == "model":
		return "Model"
	case e.Kind == "tool":
		return "Tool"
	case e.Kind == "beside":
		return "Aside"
	case e.Kind == "stalled":
		return "Stalled"
	case e.Kind == "rewound":
		return "Went back"
	case e.Type == "file" && e.From != "":
		return "Renamed"
	case e.Type == "file":
		return fileVerbs[client.Deref(e.Action)]
	case e.Git != "":
		return gitVerbs[e.Git]
	case e.Type == "git":
		return "Left"
	case e.Type == "error":
		return "Error"
	case e.Kind == "start":
		return "Started"
	case e.Kind == "end":
		return "Ended"
	}
	return "Note"
}

// vias say how somebody asked, where it was not in the chat.
var vias = map[string]string{"cli": "on the command line", "api": "by a program"}

var fileVerbs = map[string]string{"created": "Created", "modified": "Changed", "deleted": "Deleted"}

var gitVerbs = map[string]string{"commit": "Committed", "branch": "Branched", "checkout": "Checked out", "merge": "Merged",
	"rebase": "Rebased", "reset": "Reset", "push": "Pushed"}

// failedCommand reports whether a command did not end well.
func failedCommand(e client.TimelineEvent) bool {
	return e.Type == "terminal" && e.Exit != nil && *e.Exit != 0
}

// eventClass is how an event is drawn.
func eventClass(e client.TimelineEvent) string {
	switch {
	case e.Type == "error", failedCommand(e):
		return "bad"
	case e.Kind == "prompt":
		return "asked"
	case e.Git == "commit":
		return "commit"
	}
	return e.Type
}

// statusNames are the states of files in words.
var statusNames = map[string]string{"new": "added", "mod": "modified", "del": "deleted"}

// costs is what a run cost, as far as prices are known; empty: nothing.
func costs(c client.Chronicle) string {
	known, unknown := dollars(client.Deref(c.Cost)), c.Unpriced()
	switch {
	case len(unknown) == 0:
		return known
	case known == "":
		return "price not known"
	}
	return known + ", without " + strings.Join(unknown, ", ")
}

// costOf is what one model of it cost, behind what it was used for.
func costOf(m client.ModelUsage) string {
	if m.Unpriced {
		return ", price not known"
	}
	if d := dollars(m.CostUSD); d != "" {
		return ", " + d
	}
	return ""
}

// Bar is one bar of the token-burn chart, in percent of its height.
type Bar struct {
	Height float64
	Tokens int64
	From   string
}

// Bars are the tokens of every five minutes; long runs are drawn coarser.
func Bars(burn []int64) (bars []Bar, minutes int) {
	minutes = 5
	for len(burn) > 96 {
		var half []int64
		for c := range slices.Chunk(burn, 2) {
			var sum int64
			for _, n := range c {
				sum += n
			}
			half = append(half, sum)
		}
		burn, minutes = half, minutes*2
	}
	top := int64(1)
	for _, n := range burn {
		top = max(top, n)
	}
	for i, n := range burn {
		b := Bar{Tokens: n, From: moment(int64(i * minutes * 60)), Height: 100 * float64(n) / float64(top)}
		if n > 0 {
			b.Height = max(b.Height, 2)
		}
		bars = append(bars, b)
	}
	return bars, minutes
}

// authored says whose words the texts are.
func authored(c client.Chronicle) string {
	switch c.Author {
	case "agent":
		return "told by the agent in its last turn"
	case "person":
		return "edited by a person"
	case "rule":
		return "put together from the timeline"
	}
	return ""
}

// lasted is how long a run was, and how much of it the agent worked.
func lasted(c client.Chronicle) string {
	s := span(time.Duration(c.WallSeconds) * time.Second)
	if active := client.Deref(c.DurationSeconds); active > 0 {
		s += ", active " + span(time.Duration(active)*time.Second)
	}
	return s
}

// span is a duration in its two largest units.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}

// headline is the first line of a text, for lists.
func headline(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	if r := []rune(s); len(r) > 200 {
		return string(r[:199]) + "…"
	}
	return s
}

func chronicleURL(id string) string { return "/chronicles/" + id }

// filterURL is the list's address with one filter changed.
func (p ChroniclesPage) filterURL(name, value string) string {
	q := url.Values{}
	for k, v := range map[string]string{"q": p.Query, "project": p.Project, "repo": p.Repo, "model": p.Model, "tag": p.Tag, name: value} {
		if v != "" {
			q.Set(k, v)
		}
	}
	if len(q) == 0 {
		return "/chronicles"
	}
	return "/chronicles?" + q.Encode()
}

// kindURL is a timeline's address with one kind shown or hidden; empty: none.
func kindURL(base string, shown []string, id string) string {
	q := url.Values{}
	if id != "" && !slices.Contains(shown, id) {
		q.Add("kind", id)
	}
	for _, k := range shown {
		if k != id {
			q.Add("kind", k)
		}
	}
	if len(q) == 0 {
		return base
	}
	return base + "?" + q.Encode()
}

func kindShown(shown []string, id string) bool { return slices.Contains(shown, id) }

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// wholeText is what was asked or answered, where its line does not say it all.
func wholeText(e client.TimelineEvent) string {
	text := strings.TrimSpace(e.Text)
	if e.Kind != "prompt" && e.Kind != "turn" || text == e.Label {
		return ""
	}
	if len(text) > maxWhole {
		text = strings.ToValidUTF8(text[:maxWhole], "") + "\n[the export has all of it]"
	}
	return text
}

// maxWhole bounds a text in a page, in bytes.
const maxWhole = 16 << 10

// labels are those of events, one a line.
func labels(events []client.TimelineEvent) string {
	all := make([]string, len(events))
	for i, e := range events {
		all[i] = e.Label
	}
	return strings.Join(all, "\n")
}
