package watch

import (
	"net/url"
	"strings"

	"volundr/runtime/broker/wire"
)

// event makes an event of what a reflog says; false: it is of no interest.
// branch is the one that HEAD stood on.
func (m movement) event() (e wire.Git, ok bool) {
	e = wire.Git{Hash: m.new, Author: m.who}
	verb, rest, _ := strings.Cut(m.what, ": ")
	word, _, _ := strings.Cut(verb, " ")
	if remote, isRemote := strings.CutPrefix(m.log, "refs/remotes/"); isRemote {
		e.Remote, e.Branch, ok = strings.Cut(remote, "/")
		e.Action = "push"
		return e, ok && m.what == "update by push"
	}
	if branch, isBranch := strings.CutPrefix(m.log, "refs/heads/"); isBranch {
		e.Branch = branch
		switch {
		case word == "branch" && strings.HasPrefix(rest, "Created from "):
			e.Action, e.From = "branch", strings.TrimPrefix(rest, "Created from ")
			return e, true
		case word == "branch" && strings.HasPrefix(rest, "Reset to "):
			e.Action, e.From = "reset", strings.TrimPrefix(rest, "Reset to ")
			return e, m.old != m.new
		case word == "Branch" && strings.HasPrefix(rest, "renamed "):
			from, _, _ := strings.Cut(strings.TrimPrefix(rest, "renamed "), " to ")
			e.Action, e.From = "branch", strings.TrimPrefix(from, "refs/heads/")
			return e, true
		}
		return e, false
	}
	e.Subject = rest
	switch word {
	case "commit", "cherry-pick", "revert", "am":
		e.Action = "commit"
		if verb == "commit (merge)" {
			e.Action = "merge"
		}
		return e, m.old != m.new
	case "checkout":
		from, to, _ := strings.Cut(strings.TrimPrefix(rest, "moving from "), " to ")
		e.Action, e.From, e.Branch, e.Subject = "checkout", from, to, ""
		return e, from != to
	case "clone":
		e.Action, e.From, e.Subject = "checkout", bare(strings.TrimPrefix(rest, "from ")), ""
		return e, true
	case "merge":
		e.Action, e.From, e.Subject = "merge", strings.TrimPrefix(verb, "merge "), ""
		return e, m.old != m.new
	case "pull":
		if strings.Contains(verb, "(") { // of a rebase, which says more below
			return rebased(e, verb, rest)
		}
		e.Action, e.Subject = "merge", ""
		return e, m.old != m.new
	case "rebase":
		return rebased(e, verb, rest)
	case "reset":
		e.Action, e.From, e.Subject = "reset", strings.TrimPrefix(rest, "moving to "), ""
		return e, m.old != m.new
	}
	return e, false
}

// rebased takes the end of a rebase for the whole.
func rebased(e wire.Git, verb, rest string) (wire.Git, bool) {
	if !strings.Contains(verb, "(finish)") && !strings.HasSuffix(verb, "finished") {
		return e, false
	}
	e.Action, e.Subject = "rebase", ""
	e.Branch = strings.TrimPrefix(strings.TrimPrefix(rest, "returning to "), "refs/heads/")
	return e, true
}

// bare is an address without a name and a password in it.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	u.User = nil
	return u.String()
}
