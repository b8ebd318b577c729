package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// gitHub is a repository at GitHub or GitHub Enterprise (REST, 2022-11-28).
type gitHub struct{ caller }

type gitHubPR struct {
	Number    int        `json:"number"`
	Title     string     `json:"title"`
	URL       string     `json:"html_url"`
	State     string     `json:"state"` // open, closed
	Body      string     `json:"body"`
	Draft     bool       `json:"draft"`
	Mergeable *bool      `json:"mergeable"`
	MergedAt  *time.Time `json:"merged_at"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	Head      struct {
		Ref string `json:"ref"`
		SHA string `json:"sha"`
	} `json:"head"`
	Base struct {
		Ref string `json:"ref"`
	} `json:"base"`
}

func (p gitHubPR) pr() PullRequest {
	state := p.State
	if p.MergedAt != nil {
		state = "merged"
	}
	return PullRequest{Number: p.Number, Title: p.Title, URL: p.URL, State: state, Source: p.Head.Ref, Target: p.Base.Ref, Head: p.Head.SHA,
		Description: p.Body, Mergeable: p.Mergeable, Draft: p.Draft, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
}

func (g gitHub) path(rest string) string { return "/repos/" + g.at.Path + rest }

func (g gitHub) create(ctx context.Context, n Proposal) (PullRequest, error) {
	var p gitHubPR
	err := g.call(ctx, http.MethodPost, g.path("/pulls"), nil, map[string]string{"title": n.Title, "body": n.Body, "head": n.Source, "base": n.Target}, &p)
	return p.pr(), g.refused(err, "open a pull request")
}

func (g gitHub) get(ctx context.Context, number int) (PullRequest, error) {
	var p gitHubPR
	err := g.call(ctx, http.MethodGet, g.path(fmt.Sprintf("/pulls/%d", number)), nil, nil, &p)
	return p.pr(), g.refused(err, fmt.Sprintf("read the pull request #%d", number))
}

func (g gitHub) list(ctx context.Context, state, source string) ([]PullRequest, error) {
	q := url.Values{"state": {state}, "per_page": {"100"}, "sort": {"created"}, "direction": {"desc"}}
	if state == "merged" {
		q.Set("state", "closed")
	}
	if source != "" {
		owner, _, _ := strings.Cut(g.at.Path, "/")
		q.Set("head", owner+":"+source)
	}
	var all []gitHubPR
	if err := g.call(ctx, http.MethodGet, g.path("/pulls"), q, nil, &all); err != nil {
		return nil, g.refused(err, "list the pull requests")
	}
	out := []PullRequest{}
	for _, p := range all {
		if pr := p.pr(); (state == "open" || state == "all" || pr.State == state) && (source == "" || pr.Source == source) {
			out = append(out, pr)
		}
	}
	return out, nil
}

// checks are those of apps, and the statuses that others set.
func (g gitHub) checks(ctx context.Context, commit string) ([]Check, error) {
	var runs struct {
		Runs []struct {
			Name       string `json:"name"`
			Status     string `json:"status"`
			Conclusion string `json:"conclusion"`
			URL        string `json:"html_url"`
		} `json:"check_runs"`
	}
	at := g.path("/commits/" + url.PathEscape(commit))
	if err := g.call(ctx, http.MethodGet, at+"/check-runs", url.Values{"per_page": {"100"}}, nil, &runs); err != nil {
		return nil, g.refused(err, "read the checks")
	}
	var statuses struct {
		Statuses []struct {
			Context string `json:"context"`
			State   string `json:"state"`
			URL     string `json:"target_url"`
		} `json:"statuses"`
	}
	if err := g.call(ctx, http.MethodGet, at+"/status", url.Values{"per_page": {"100"}}, nil, &statuses); err != nil {
		return nil, g.refused(err, "read the checks")
	}
	var out []Check
	for _, r := range runs.Runs {
		state := Pending
		if r.Status == "completed" {
			state = Failing
			if r.Conclusion == "success" || r.Conclusion == "neutral" || r.Conclusion == "skipped" {
				state = Passing
			}
		}
		out = append(out, Check{r.Name, state, r.URL})
	}
	for _, s := range statuses.Statuses {
		state := map[string]string{"success": Passing, "pending": Pending}[s.State]
		out = append(out, Check{s.Context, or(state, Failing), s.URL})
	}
	return out, nil
}

func (g gitHub) merge(ctx context.Context, number int, method string) error {
	err := g.call(ctx, http.MethodPut, g.path(fmt.Sprintf("/pulls/%d/merge", number)), nil, map[string]string{"merge_method": method}, nil)
	return g.refused(err, fmt.Sprintf("merge the pull request #%d", number))
}

func (g gitHub) standard(ctx context.Context) (string, error) {
	var repo struct {
		Branch string `json:"default_branch"`
	}
	err := g.call(ctx, http.MethodGet, g.path(""), nil, nil, &repo)
	return repo.Branch, g.refused(err, "read the repository")
}
