package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/daemon/changes"
	"volundr/daemon/forge"
	"volundr/daemon/source"
	"volundr/store"
	"volundr/ui/client"
)

// branchOf is the branch of a session's work in a repository: what is checked out
// while it runs, else what it was begun with.
func (s *server) branchOf(ctx context.Context, row store.Session, w source.Work) string {
	if row.State == store.Running {
		st, err := s.changes.Standing(ctx, changes.Place{Session: row.ID, Repo: w.Folder, Base: changes.LastCommit})
		if err == nil && st.Branch != "" {
			return st.Branch
		}
		s.Log.Debug("The branch of a session is not known", "session", row.ID, "folder", w.Folder, "error", err)
	}
	return w.Branch
}

// atForge is a repository of a session at its forge.
func (s *server) atForge(c echo.Context, row store.Session, folder string) (*forge.Repository, source.Work, error) {
	w, err := s.work(c.Request().Context(), row, folder)
	if err != nil {
		return nil, w, err
	}
	r, err := s.Forges.Open(c.Request().Context(), principal(c), w.Repo)
	return r, w, forgeProblem(err)
}

// createPR opens a pull request for what a session pushed. Title and text are
// those of its chronicle where none are given.
func (s *server) createPR(c echo.Context) error {
	var in client.PullRequestCreate
	if err := decode(c, &in); err != nil {
		return err
	}
	if uuid.Validate(in.SessionID) != nil {
		return invalid(fieldError{Type: "uuid_parsing", Loc: []any{"body", "session_id"}, Msg: "Input should be a valid UUID.", Input: in.SessionID})
	}
	ctx := c.Request().Context()
	row, err := s.DB.Session(ctx, principal(c), in.SessionID)
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Session not found: %s", in.SessionID)
	} else if err != nil {
		return err
	}
	if in.Repo, err = s.folderOf(ctx, row, in.Repo); err != nil {
		return err
	}
	repo, w, err := s.atForge(c, row, in.Repo)
	if err != nil {
		return err
	}
	address := w.Repo
	n, err := s.newPR(c, row, w, in)
	if err != nil {
		return err
	}
	if err := s.DB.Audit(ctx, principal(c), store.ActPullOpened, row.ID, map[string]string{"name": row.Name, "remote": address, "branch": n.Source}); err != nil {
		return err
	}
	pr, err := repo.Create(ctx, n)
	if err != nil {
		return forgeProblem(err)
	}
	v := prView(repo, address, pr)
	err = s.DB.Announce(ctx, principal(c), row.ID, store.PRCreated, map[string]any{
		"session_id": row.ID, "pr_number": pr.Number, "pr_url": pr.URL, "repo_url": address})
	if err != nil { // it is there all the same
		s.Log.Warn("A pull request was not announced", "session", row.ID, "error", err)
	}
	return c.JSON(http.StatusCreated, v)
}

// newPR fills what was left out.
func (s *server) newPR(c echo.Context, row store.Session, w source.Work, in client.PullRequestCreate) (forge.Proposal, error) {
	ctx := c.Request().Context()
	n := forge.Proposal{Title: strings.TrimSpace(in.Title), Body: in.Body, Source: in.SourceBranch, Target: in.TargetBranch}
	if n.Source == "" {
		n.Source = s.branchOf(ctx, row, w)
	}
	if n.Source == "" {
		return n, fail(http.StatusConflict, "It is not known which branch session %s works on. Name it by source_branch.", row.Name)
	}
	if w.Protects(n.Source) {
		return n, fail(http.StatusConflict, "The branch %s is protected, and no session's work stands on it. Push to a branch of the session, such as %s, first.", n.Source, w.Own)
	}
	if at, err := w.At(ctx, n.Source); err == nil && at == "" {
		flag := ""
		if w.Folder != "" {
			flag = " --repo " + w.Folder
		}
		return n, fail(http.StatusConflict, "The branch %s is not at the remote yet. Push it first: `volundr sessions push %s`.", n.Source, row.Name+flag)
	}
	if n.Target == "" && w.Base != n.Source {
		n.Target = w.Base
	}
	if n.Title == "" || n.Body == "" {
		pitch, err := s.Chronicles.Pitch(ctx, principal(c), row.ID, w.Folder)
		if err != nil && !isNotFound(err) {
			return n, err
		}
		if n.Title == "" {
			n.Title = pitch.Title
		}
		if n.Body == "" {
			n.Body = pitch.Body
		}
	}
	if n.Title == "" {
		n.Title = row.Name
	}
	return n, nil
}

// pitch is what a pull request of a session would say.
func (s *server) pitch(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	folder, err := s.folderOf(c.Request().Context(), row, c.QueryParam("repo"))
	if err != nil {
		return err
	}
	p, err := s.Chronicles.Pitch(c.Request().Context(), principal(c), row.ID, folder)
	if isNotFound(err) {
		p.Title, err = row.Name, nil
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, client.Pitch(p))
}

// sessionPR is the contract's: null where the session's branch has none.
func (s *server) sessionPR(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	folder, err := s.folderOf(c.Request().Context(), row, c.QueryParam("repo"))
	if err != nil {
		return err
	}
	v, err := s.prOf(c, row, folder)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, v)
}

// prOf is the pull request of a session's branch in a repository with its checks;
// nil: none.
func (s *server) prOf(c echo.Context, row store.Session, folder string) (*client.SessionPR, error) {
	ctx := c.Request().Context()
	repo, w, err := s.atForge(c, row, folder)
	if err != nil {
		return nil, err
	}
	branch := s.branchOf(ctx, row, w)
	if branch == "" {
		return nil, nil
	}
	pr, err := repo.OfBranch(ctx, branch)
	if errors.Is(err, forge.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, forgeProblem(err)
	}
	checks, err := repo.Checks(ctx, pr.Head)
	if err != nil {
		return nil, forgeProblem(err)
	}
	v := &client.SessionPR{Number: pr.Number, URL: pr.URL, State: pr.State, Mergeable: pr.Mergeable, Checks: []client.Check{},
		Title: pr.Title, Source: pr.Source, Target: pr.Target, CIStatus: forge.Together(checks)}
	for _, check := range checks {
		v.Checks = append(v.Checks, client.Check(check))
	}
	return v, nil
}

// listPRs are those of a repository.
func (s *server) listPRs(c echo.Context) error {
	repo, err := s.repository(c)
	if err != nil {
		return err
	}
	state := c.QueryParam("status")
	if state == "" {
		state = "open"
	}
	if !slices.Contains([]string{"open", "closed", "merged", "all"}, state) {
		return invalid(fieldError{Type: "enum", Loc: []any{"query", "status"}, Msg: "Input should be 'open', 'closed', 'merged' or 'all'", Input: state})
	}
	all, err := repo.List(c.Request().Context(), state)
	if err != nil {
		return forgeProblem(err)
	}
	out := []client.PullRequest{}
	for _, pr := range all {
		out = append(out, prView(repo, c.QueryParam("repo_url"), pr))
	}
	return c.JSON(http.StatusOK, out)
}

func (s *server) getPR(c echo.Context) error {
	repo, number, err := s.numbered(c)
	if err != nil {
		return err
	}
	pr, status, err := checked(c, repo, number)
	if err != nil {
		return err
	}
	v := prView(repo, c.QueryParam("repo_url"), pr)
	v.CIStatus = &status
	return c.JSON(http.StatusOK, v)
}

// checked is a pull request with how all its checks stand together.
func checked(c echo.Context, repo *forge.Repository, number int) (pr forge.PullRequest, status string, err error) {
	ctx := c.Request().Context()
	if pr, err = repo.Get(ctx, number); err != nil {
		return pr, "", forgeProblem(err)
	}
	checks, err := repo.Checks(ctx, pr.Head)
	if err != nil {
		return pr, "", forgeProblem(err)
	}
	return pr, forge.Together(checks), nil
}

// CIStatus is how all checks stand together: passed, failed, running, unknown.
type CIStatus struct {
	Status string `json:"status"`
}

// ciOfPR is how the checks of a pull request stand. The contract's branch is
// not needed to find them.
func (s *server) ciOfPR(c echo.Context) error {
	repo, number, err := s.numbered(c)
	if err != nil {
		return err
	}
	_, status, err := checked(c, repo, number)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, CIStatus{status})
}

type mergeIn struct {
	Method string `json:"merge_method"`
}

// Merged is the answer to a merge.
type Merged struct {
	Merged bool `json:"merged"`
}

func (s *server) mergePR(c echo.Context) error {
	in := mergeIn{"squash"}
	if err := decode(c, &in); err != nil {
		return err
	}
	if !slices.Contains([]string{"squash", "merge", "rebase"}, in.Method) {
		return invalid(fieldError{Type: "enum", Loc: []any{"body", "merge_method"}, Msg: "Input should be 'squash', 'merge' or 'rebase'", Input: in.Method})
	}
	repo, number, err := s.numbered(c)
	if err != nil {
		return err
	}
	err = s.DB.Audit(c.Request().Context(), principal(c), store.ActPullMerged, fmt.Sprint(number), map[string]string{"remote": cut(c.QueryParam("repo_url")), "method": in.Method})
	if err != nil {
		return err
	}
	err = repo.Merge(c.Request().Context(), number, in.Method)
	if errors.Is(err, forge.ErrConflict) {
		return fail(http.StatusConflict, "Failed to merge PR #%d — check CI status and reviews: %s", number, err)
	}
	if err != nil {
		return forgeProblem(err)
	}
	err = s.DB.Announce(c.Request().Context(), principal(c), "", store.PRMerged, map[string]any{
		"pr_number": number, "repo_url": c.QueryParam("repo_url"), "merge_method": in.Method})
	if err != nil {
		s.Log.Warn("A merge was not announced", "error", err)
	}
	return c.JSON(http.StatusOK, Merged{true})
}

// repository is that of ?repo_url.
func (s *server) repository(c echo.Context) (*forge.Repository, error) {
	url := c.QueryParam("repo_url")
	if url == "" {
		return nil, invalid(fieldError{Type: "missing", Loc: []any{"query", "repo_url"}, Msg: "Field required"})
	}
	r, err := s.Forges.Open(c.Request().Context(), principal(c), url)
	return r, forgeProblem(err)
}

// numbered is the repository, and the number of the path.
func (s *server) numbered(c echo.Context) (*forge.Repository, int, error) {
	n, err := strconv.Atoi(c.Param("number"))
	if err != nil || n <= 0 {
		return nil, 0, invalid(fieldError{Type: "int_parsing", Loc: []any{"path", "number"}, Msg: "Input should be a valid integer.", Input: c.Param("number")})
	}
	r, err := s.repository(c)
	return r, n, err
}

func prView(repo *forge.Repository, address string, pr forge.PullRequest) client.PullRequest {
	v := client.PullRequest{Number: pr.Number, Title: pr.Title, URL: pr.URL, RepoURL: address, Provider: repo.Kind,
		SourceBranch: pr.Source, TargetBranch: pr.Target, Status: pr.State, Description: orNil(pr.Description)}
	v.CreatedAt, v.UpdatedAt = when(pr.CreatedAt), when(pr.UpdatedAt)
	return v
}

func when(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
