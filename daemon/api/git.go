package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/changes"
	"volundr/daemon/forge"
	"volundr/daemon/source"
	"volundr/store"
	"volundr/ui/client"
)

// gitRoutes are the way of a session's work to its remote and into a pull
// request.
func (s *server) gitRoutes(g *echo.Group) {
	g.GET("/providers", s.providers)
	g.GET("/repos/branches", s.branches)
	g.GET("/repos/prs", s.listPRs)
	g.POST("/repos/prs", s.createPR)
	g.GET("/repos/prs/:number", s.getPR)
	g.GET("/repos/prs/:number/ci", s.ciOfPR)
	g.POST("/repos/prs/:number/merge", s.mergePR)
	g.GET("/sessions/:id/branch", s.getStanding)
	g.POST("/sessions/:id/push", s.push)
	g.GET("/sessions/:id/pr", s.sessionPR)
	g.GET("/sessions/:id/pr/text", s.pitch)
}

// branches are a repository's, the default one first.
func (s *server) branches(c echo.Context) error {
	names, err := s.Sources.Branches(c.Request().Context(), principal(c), c.QueryParam("repo_url"))
	if check := (*source.CheckError)(nil); errors.As(err, &check) {
		return fail(http.StatusNotFound, "%s", check.Msg)
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, names)
}

func (s *server) getStanding(c echo.Context) error {
	row, p, err := s.place(c, changes.LastCommit)
	if err != nil {
		return err
	}
	v, err := s.standing(c.Request().Context(), row, p)
	if err != nil {
		return s.refusal(c.Request().Context(), p, err)
	}
	return c.JSON(http.StatusOK, v)
}

// standing is where the work of a session that runs stands. A workspace without
// a remote has none of what belongs to one.
func (s *server) standing(ctx context.Context, row store.Session, p changes.Place) (client.Standing, error) {
	st, err := s.changes.Standing(ctx, p)
	if err != nil {
		return client.Standing{}, err
	}
	v := client.Standing{Folder: p.Repo, Branch: st.Branch, Commit: st.Head, Title: st.Title, Pushed: st.Pushed, Ahead: st.Ahead}
	w, err := s.Sources.Work(ctx, row.ID, p.Repo)
	if isNotFound(err) {
		return v, nil
	} else if err != nil {
		return v, err
	}
	v.Repo, v.Own, v.Protected = w.Repo, w.Own, w.Protects(st.Branch)
	if at, err := s.Forges.Of(w.Repo); err == nil {
		v.Forge = at.Kind
	}
	return v, nil
}

// push has the session's git push, and asks the remote whether it arrived.
func (s *server) push(c echo.Context) error {
	row, p, err := s.place(c, changes.LastCommit)
	if err != nil {
		return err
	}
	var in client.Push
	if err := decode(c, &in); err != nil {
		return err
	}
	ctx := c.Request().Context()
	w, err := s.work(ctx, row, p.Repo)
	if err != nil {
		return err
	}
	before, err := s.changes.Standing(ctx, p)
	if err != nil {
		return s.refusal(ctx, p, err)
	}
	if in.Branch == "" {
		in.Branch = before.Branch
	}
	if in.Branch != "" && w.Protects(in.Branch) {
		return fail(http.StatusConflict, "The branch %s is protected, and sessions do not push to it. Push to a branch of the session, such as %s, and open a pull request.", in.Branch, w.Own)
	}
	if err := s.DB.Audit(ctx, principal(c), store.ActPushAsked, row.ID, map[string]string{"name": row.Name, "remote": w.Repo, "branch": in.Branch}); err != nil {
		return err
	}
	st, err := s.changes.Push(ctx, p, in.Branch)
	if err != nil {
		return s.refusal(ctx, p, err)
	}
	at, err := w.At(ctx, st.Branch)
	if err != nil {
		return fail(http.StatusBadGateway, "The push was sent, but the remote could not be asked whether it arrived: %s", err)
	}
	if at != st.Head {
		return fail(http.StatusConflict, "The session's git says that it pushed, but the branch %s of %s is not at %s. See in the terminal where `git remote -v` points.", st.Branch, w.Repo, short(st.Head))
	}
	out := client.Pushed{Folder: p.Repo, Branch: st.Branch, Commit: st.Head, Repo: w.Repo, Commits: st.Ahead}
	out.Detail = fmt.Sprintf("The branch %s is at %s of the remote.", st.Branch, short(st.Head))
	return c.JSON(http.StatusOK, out)
}

func short(commit string) string { return commit[:min(len(commit), 7)] }

// Provider is a forge.
type Provider struct {
	Name string   `json:"name"` // its host
	Type string   `json:"type"` // github, gitlab
	Orgs []string `json:"orgs"`
}

// providers are the forges for which the caller has a token.
func (s *server) providers(c echo.Context) error {
	out := []Provider{}
	for _, at := range s.Forges.Known(c.Request().Context(), principal(c)) {
		out = append(out, Provider{at.Host, at.Kind, []string{}})
	}
	return c.JSON(http.StatusOK, out)
}

// forgeProblem gives an error of a forge the status that it stands for.
func forgeProblem(err error) error {
	for kind, status := range map[error]int{
		forge.ErrNoForge: http.StatusBadRequest, forge.ErrNoToken: http.StatusBadRequest, forge.ErrNotFound: http.StatusNotFound,
		forge.ErrExists: http.StatusConflict, forge.ErrConflict: http.StatusConflict,
		forge.ErrRefused: http.StatusBadGateway, forge.ErrUnavailable: http.StatusBadGateway,
	} {
		if errors.Is(err, kind) {
			return fail(status, "%s", err)
		}
	}
	return err
}
