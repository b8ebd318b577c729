package ui

import (
	"fmt"
	"net/url"

	"volundr/ui/client"
)

// PRPane is the pull request of a session's branch.
type PRPane struct {
	Self    string // where it is asked for again
	Forge   string // github, gitlab
	PR      *client.SessionPR
	Problem string // a sentence: why it is not known
}

// link is the address of the pull request, as far as it is one of the web.
func (p PRPane) link() string {
	if isWeb(p.PR.URL) {
		return p.PR.URL
	}
	return ""
}

func (p PRPane) conflicts() bool {
	return p.PR.State == "open" && p.PR.Mergeable != nil && !*p.PR.Mergeable
}

func isWeb(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// workState says how far the branch's commits are.
func workState(w client.Standing) string {
	switch {
	case w.Repo == "" && w.Folder != "":
		return "was made in the session: it is not pushed from here"
	case w.Repo == "":
		return "has no remote to be pushed to"
	case w.Protected:
		return "is protected: work goes to the session's own branch"
	case w.Branch == "":
		return ""
	case w.Pushed == "" && w.Ahead > 0:
		return plural(w.Ahead, "commit", "commits") + ", not pushed yet"
	case w.Pushed == "":
		return "has no commit of its own yet"
	case w.Ahead > 0:
		return plural(w.Ahead, "commit", "commits") + " to push"
	}
	return "is pushed"
}

// pushTarget is the branch that a push goes to; empty: there is nothing to push.
func pushTarget(w client.Standing) string {
	switch {
	case w.Ahead == 0 && w.Pushed != "", w.Commit == "":
		return ""
	case w.Protected || w.Branch == "":
		if w.Ahead == 0 {
			return ""
		}
		return w.Own
	case w.Ahead == 0:
		return ""
	}
	return w.Branch
}

func pushLabel(w client.Standing) string {
	if target := pushTarget(w); target != w.Branch {
		return "Push to " + target
	}
	return "Push"
}

func requestName(forge string) string {
	if forge == "gitlab" {
		return "Merge request"
	}
	return "Pull request"
}

func requestLabel(forge string) string {
	if forge == "gitlab" {
		return "Open merge request…"
	}
	return "Open pull request…"
}

func requestSign(forge string, number int) string {
	if forge == "gitlab" {
		return fmt.Sprintf("!%d", number)
	}
	return fmt.Sprintf("#%d", number)
}

// checksLabel is how all checks together stand.
func checksLabel(pr client.SessionPR) string {
	n := map[string]int{}
	for _, c := range pr.Checks {
		n[c.Status]++
	}
	switch pr.CIStatus {
	case client.ChecksFailed:
		return fmt.Sprintf("%d of %s failed", n[client.ChecksFailed], plural(len(pr.Checks), "check", "checks"))
	case client.ChecksRunning:
		return fmt.Sprintf("%d of %s running", n[client.ChecksRunning], plural(len(pr.Checks), "check", "checks"))
	}
	return plural(len(pr.Checks), "check", "checks") + " passed"
}
