package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// gitLab is a project at GitLab (REST, v4). Its merge requests are called pull
// requests here.
type gitLab struct{ caller }

type gitLabMR struct {
	IID         int       `json:"iid"`
	Title       string    `json:"title"`
	URL         string    `json:"web_url"`
	State       string    `json:"state"` // opened, closed, locked, merged
	Description string    `json:"description"`
	Draft       bool      `json:"draft"`
	Source      string    `json:"source_branch"`
	Target      string    `json:"target_branch"`
	SHA         string    `json:"sha"`
	Status      string    `json:"detailed_merge_status"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

func (m gitLabMR) pr() PullRequest {
	p := PullRequest{Number: m.IID, Title: m.Title, URL: m.URL, State: m.State, Source: m.Source, Target: m.Target, Head: m.SHA,
		Description: m.Description, Draft: m.Draft, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt}
	switch m.State {
	case "opened", "locked":
		p.State = "open"
	}
	switch m.Status {
	case "", "unchecked", "checking", "preparing":
	default:
		can := m.Status == "mergeable" || m.Status == "ci_still_running"
		p.Mergeable = &can
	}
	return p
}

func (g gitLab) path(rest string) string { return "/projects/" + url.PathEscape(g.at.Path) + rest }

func (g gitLab) create(ctx context.Context, n Proposal) (PullRequest, error) {
	var m gitLabMR
	err := g.call(ctx, http.MethodPost, g.path("/merge_requests"), nil,
		map[string]string{"title": n.Title, "description": n.Body, "source_branch": n.Source, "target_branch": n.Target}, &m)
	return m.pr(), g.refused(err, "open a merge request")
}

func (g gitLab) get(ctx context.Context, number int) (PullRequest, error) {
	var m gitLabMR
	err := g.call(ctx, http.MethodGet, g.path(fmt.Sprintf("/merge_requests/%d", number)), nil, nil, &m)
	return m.pr(), g.refused(err, fmt.Sprintf("read the merge request !%d", number))
}

func (g gitLab) list(ctx context.Context, state, source string) ([]PullRequest, error) {
	q := url.Values{"state": {state}, "per_page": {"100"}, "order_by": {"created_at"}, "sort": {"desc"}}
	if state == "open" {
		q.Set("state", "opened")
	}
	if source != "" {
		q.Set("source_branch", source)
	}
	var all []gitLabMR
	if err := g.call(ctx, http.MethodGet, g.path("/merge_requests"), q, nil, &all); err != nil {
		return nil, g.refused(err, "list the merge requests")
	}
	out := []PullRequest{}
	for _, m := range all {
		if source == "" || m.Source == source {
			out = append(out, m.pr())
		}
	}
	return out, nil
}

// checks are the newest status of each job on the commit.
func (g gitLab) checks(ctx context.Context, commit string) ([]Check, error) {
	var all []struct {
		Name         string `json:"name"`
		Status       string `json:"status"`
		URL          string `json:"target_url"`
		AllowFailure bool   `json:"allow_failure"`
	}
	err := g.call(ctx, http.MethodGet, g.path("/repository/commits/"+url.PathEscape(commit)+"/statuses"), url.Values{"per_page": {"100"}}, nil, &all)
	if err != nil {
		return nil, g.refused(err, "read the pipelines")
	}
	var out []Check
	for _, s := range all {
		state := Pending
		switch {
		case s.Status == "success" || s.Status == "skipped" || s.AllowFailure && s.Status == "failed":
			state = Passing
		case s.Status == "failed" || s.Status == "canceled":
			state = Failing
		case s.Status == "manual": // waits for a person, and for nobody else
			continue
		}
		out = append(out, Check{s.Name, state, s.URL})
	}
	return out, nil
}

func (g gitLab) merge(ctx context.Context, number int, method string) error {
	err := g.call(ctx, http.MethodPut, g.path(fmt.Sprintf("/merge_requests/%d/merge", number)), nil, map[string]bool{"squash": method == "squash"}, nil)
	return g.refused(err, fmt.Sprintf("merge the merge request !%d", number))
}

func (g gitLab) standard(ctx context.Context) (string, error) {
	var project struct {
		Branch string `json:"default_branch"`
	}
	err := g.call(ctx, http.MethodGet, g.path(""), nil, nil, &project)
	return project.Branch, g.refused(err, "read the project")
}
