package ui

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"
)

// ago is how long ago t was, in one unit: "now", "5 min", "3 h", "2 d".
func ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return ""
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	default:
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	}
}

// ahead is how long it is until t: "now", "in 5 min", "in 3 h", "in 2 d".
func ahead(t, now time.Time) string {
	if d := t.Sub(now); d >= time.Minute {
		return "in " + ago(now, t)
	}
	return "now"
}

// took is a duration as people say it: "0.4 s", "42 s", "3 min 5 s", "2 h 4 min".
func took(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	default:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
}

// tokens is a count with at most three digits: "812", "14.2k", "3.1M".
func tokens(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprint(n)
	case n < 100_000:
		return fmt.Sprintf("%.1fk", float64(n)/1e3)
	case n < 1_000_000:
		return fmt.Sprintf("%dk", n/1000)
	default:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	}
}

// dollars is a cost: "$0.04", "<$0.01", and nothing for nothing.
func dollars(v float64) string {
	switch {
	case v <= 0:
		return ""
	case v < 0.01:
		return "<$0.01"
	default:
		return fmt.Sprintf("$%.2f", v)
	}
}

func size(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%d KB", n>>10)
	default:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// repoName is a repository's short name: its last two path elements for a URL,
// the folder's name for a path.
func repoName(repo string) string {
	repo = strings.TrimSuffix(strings.TrimSuffix(repo, "/"), ".git")
	if repo == "" {
		return "Empty workspaces"
	}
	if u, err := url.Parse(repo); err == nil && u.Host != "" {
		return strings.Trim(u.Path, "/")
	}
	if _, rest, ok := strings.Cut(repo, ":"); ok && !strings.HasPrefix(repo, "/") { // git@host:org/name
		return strings.Trim(rest, "/")
	}
	return path.Base(repo)
}

var agents = map[string]string{"claude": "Claude Code", "codex": "Codex", "acp": "ACP agent"}

func agentName(id string) string {
	if n, ok := agents[id]; ok {
		return n
	}
	return id
}
