package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/changes"
	"volundr/store"
	"volundr/ui/client"
)

// diffContext is how many lines around a change are shown.
const diffContext = 4

// changesRoutes are what a session changed, and what a person does about it.
func (s *server) changesRoutes(g *echo.Group) {
	g.GET("/sessions/:id/changes", s.getChanges)
	g.GET("/sessions/:id/repositories", s.getRepositories)
	g.POST("/sessions/:id/changes/stage", s.onFiles(s.changes.Stage))
	g.POST("/sessions/:id/changes/unstage", s.onFiles(s.changes.Unstage))
	g.POST("/sessions/:id/changes/discard", s.discardFile)
	g.POST("/sessions/:id/changes/commit", s.commitChanges)
	g.GET("/sessions/:id/diff/files", s.diffFiles)
	g.GET("/sessions/:id/diff", s.unifiedDiff)
	g.GET("/sessions/:id/commits", s.commits)
	g.GET("/chronicles/:id/diff", s.hunks)
	g.GET("/sessions/:id/comments", s.listComments)
	g.POST("/sessions/:id/comments", s.addComment)
	g.DELETE("/sessions/:id/comments/:comment", s.deleteComment)
	g.POST("/sessions/:id/review", s.sendReview)
}

// place reads which repository and which base a request means. Only a session
// that runs can say what it changed.
func (s *server) place(c echo.Context, standard changes.Base) (store.Session, changes.Place, error) {
	row, err := s.session(c)
	if err != nil {
		return row, changes.Place{}, err
	}
	p := changes.Place{Session: row.ID}
	if p.Base, err = baseOf(c, standard); err != nil {
		return row, p, err
	}
	if row.State != store.Running {
		return row, p, fail(http.StatusConflict, "Session %s is %s, and only a running session can say what it changed. Start it, or read its chronicle.", row.Name, row.State)
	}
	if p.Repo, err = s.folderOf(c.Request().Context(), row, c.QueryParam("repo")); err != nil {
		return row, p, err
	}
	p.Commit, err = s.began(c.Request().Context(), row, p.Repo)
	return row, p, err
}

// baseOf reads what a request compares with.
func baseOf(c echo.Context, standard changes.Base) (changes.Base, error) {
	base := cmp.Or(changes.Base(c.QueryParam("base")), standard)
	if !slices.Contains(changes.Bases, base) {
		return "", fail(http.StatusBadRequest, "Invalid base parameter: %s. Must be one of: session, last-commit, default-branch.", base)
	}
	return base, nil
}

// refusal gives an error of changes the status it stands for.
func (s *server) refusal(ctx context.Context, p changes.Place, err error) error {
	switch {
	case errors.Is(err, changes.ErrNoRepository):
		text, _, err := s.missing(ctx, p)
		if err != nil {
			return err
		}
		return fail(http.StatusConflict, "%s", text)
	case errors.Is(err, changes.ErrPath), errors.Is(err, changes.ErrMessage):
		return fail(http.StatusBadRequest, "%s", err)
	case errors.Is(err, changes.ErrLogin):
		return fail(http.StatusBadGateway, "%s", err)
	case errors.Is(err, changes.ErrNoBase), errors.Is(err, changes.ErrRefused),
		errors.Is(err, changes.ErrNoCommit), errors.Is(err, changes.ErrNoBranch), errors.Is(err, changes.ErrProtected), errors.Is(err, changes.ErrBehind):
		return fail(http.StatusConflict, "%s", err)
	}
	return err
}

func (s *server) getChanges(c echo.Context) error {
	_, p, err := s.place(c, changes.Session)
	if err != nil {
		return err
	}
	view, err := s.changesView(c.Request().Context(), p)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, view)
}

// changesView is a list as clients see it. What keeps git from comparing is a
// note and no error.
func (s *server) changesView(ctx context.Context, p changes.Place) (client.Changes, error) {
	l, err := s.changes.List(ctx, p)
	v := client.Changes{Repo: p.Repo, Branch: l.Branch, Base: string(p.Base), Against: l.Against, Commit: l.Base,
		Files: []client.ChangedFile{}, More: l.More, Repos: l.Repos}
	switch {
	case errors.Is(err, changes.ErrNoRepository):
		var folders []string
		if v.Note, folders, err = s.missing(ctx, p); folders != nil {
			v.Repos = folders
		}
		return v, err
	case errors.Is(err, changes.ErrNoBase):
		v.Note = err.Error()
		return v, nil
	}
	for _, f := range l.Files {
		v.Files = append(v.Files, client.ChangedFile(f))
	}
	return v, s.refusal(ctx, p, err)
}

// pathsIn names files below the repository.
type pathsIn struct {
	Paths []string `json:"paths"`
}

func (s *server) onFiles(do func(context.Context, changes.Place, []string) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		_, p, err := s.place(c, changes.LastCommit)
		if err != nil {
			return err
		}
		var in pathsIn
		if err := c.Bind(&in); err != nil {
			return err
		}
		if err := do(c.Request().Context(), p, in.Paths); err != nil {
			return s.refusal(c.Request().Context(), p, err)
		}
		return c.NoContent(http.StatusNoContent)
	}
}

// discardIn is a file, and its path before when it was renamed.
type discardIn struct {
	Path string `json:"path"`
	From string `json:"from,omitempty"`
}

// discardFile puts one file back as at the last commit, and says by which name
// git still has what it held.
func (s *server) discardFile(c echo.Context) error {
	_, p, err := s.place(c, changes.LastCommit)
	if err != nil {
		return err
	}
	var in discardIn
	if err := c.Bind(&in); err != nil {
		return err
	}
	kept, err := s.changes.Discard(c.Request().Context(), p, in.Path, in.From)
	if err != nil {
		return s.refusal(c.Request().Context(), p, err)
	}
	detail := in.Path + " is as at the last commit."
	if kept != "" {
		detail += fmt.Sprintf(" What it held is still there for a while: `git cat-file -p %s`.", kept[:12])
	}
	return c.JSON(http.StatusOK, map[string]string{"path": in.Path, "kept": kept, "detail": detail})
}

// commitIn commits what is staged, or all that changed.
type commitIn struct {
	Message string `json:"message"`
	All     bool   `json:"all,omitempty"`
}

func (s *server) commitChanges(c echo.Context) error {
	_, p, err := s.place(c, changes.LastCommit)
	if err != nil {
		return err
	}
	var in commitIn
	if err := c.Bind(&in); err != nil {
		return err
	}
	var by changes.Author
	by.Name, by.Email = s.Sources.Identity(c.Request().Context())
	hash, err := s.changes.Commit(c.Request().Context(), p, by, in.Message, in.All)
	if err != nil {
		return s.refusal(c.Request().Context(), p, err)
	}
	subject, _, _ := strings.Cut(strings.TrimSpace(in.Message), "\n")
	return c.JSON(http.StatusCreated, client.CommitName{Hash: hash, ShortHash: hash[:7], Message: subject})
}

// diffFiles is the contract's list.
func (s *server) diffFiles(c echo.Context) error {
	_, p, err := s.place(c, changes.Session)
	if err != nil {
		return err
	}
	v, err := s.changesView(c.Request().Context(), p)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"files": v.Files})
}

// unifiedDiff is the contract's diff of one file: by `base_branch` against the
// default branch, by ours `base` against any.
func (s *server) unifiedDiff(c echo.Context) error {
	standard := changes.Session
	if c.QueryParam("base_branch") != "" {
		standard = changes.DefaultBranch
	}
	_, p, err := s.place(c, standard)
	if err != nil {
		return err
	}
	d, err := s.changes.Diff(c.Request().Context(), p, c.QueryParam("path"), c.QueryParam("from"), diffContext)
	if err != nil {
		return s.refusal(c.Request().Context(), p, err)
	}
	out := map[string]any{"path": d.Path, "diff": nil}
	if d.Text != "" {
		out["diff"] = d.Text
	}
	return c.JSON(http.StatusOK, out)
}

// hunks is the contract's diff of one file, in pieces. Its id is a session's.
func (s *server) hunks(c echo.Context) error {
	_, p, err := s.place(c, changes.LastCommit)
	if err != nil {
		return err
	}
	d, err := s.changes.Diff(c.Request().Context(), p, c.QueryParam("file"), c.QueryParam("from"), diffContext)
	if err != nil {
		return s.refusal(c.Request().Context(), p, err)
	}
	return c.JSON(http.StatusOK, diffView(d))
}

func diffView(d changes.Diff) client.FileDiff {
	v := client.FileDiff{FilePath: d.Path, Hunks: []client.DiffHunk{}, From: d.From, Status: d.Status, Note: d.Note, Text: d.Text}
	kinds := map[byte]string{'+': "add", '-': "remove", ' ': "context"}
	for _, h := range d.Hunks {
		hunk := client.DiffHunk{OldStart: h.OldStart, OldCount: h.OldCount, NewStart: h.NewStart, NewCount: h.NewCount, Section: h.Section}
		for _, l := range h.Lines {
			hunk.Lines = append(hunk.Lines, client.DiffLine{Type: kinds[l.Op], Content: l.Text, OldLine: l.Old, NewLine: l.New})
		}
		v.Hunks = append(v.Hunks, hunk)
	}
	return v
}

func (s *server) commits(c echo.Context) error {
	_, p, err := s.place(c, changes.LastCommit)
	if err != nil {
		return err
	}
	list, err := s.changes.Commits(c.Request().Context(), p, c.QueryParam("since"))
	if err != nil {
		return s.refusal(c.Request().Context(), p, err)
	}
	out := []client.CommitName{}
	for _, x := range list {
		out = append(out, client.CommitName{Hash: x.Hash, ShortHash: x.Hash[:7], Message: x.Subject})
	}
	return c.JSON(http.StatusOK, map[string]any{"commits": out})
}
