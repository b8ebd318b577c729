package api

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/daemon/chronicle"
	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

// talesPerPage is how many chronicles a page lists, and eventsPerPage how many
// events.
const (
	talesPerPage  = 50
	eventsPerPage = 500
)

// chroniclePages are the pages of chronicles.
func (s *server) chroniclePages(e *echo.Echo) {
	e.GET("/chronicles", s.chroniclesPage)
	e.GET("/chronicles/:id", s.chroniclePage)
	e.POST("/chronicles/:id", s.postChronicle)
	e.GET("/chronicles/:id/export", s.exportChronicle)
	e.POST("/chronicles/:id/reforge", s.postReforge)
	e.GET("/sessions/:id/events", s.timelineFragment)
	e.GET("/sessions/:id/rewind/:checkpoint", s.rewindPage)
	e.POST("/sessions/:id/rewind/:checkpoint", s.postRewind)
}

func (s *server) chroniclesPage(c echo.Context) error {
	ctx, who := c.Request().Context(), principal(c)
	p := ui.ChroniclesPage{Shell: s.shell(c, "Chronicles"), Query: strings.TrimSpace(c.QueryParam("q")), Project: c.QueryParam("project"),
		Repo: c.QueryParam("repo"), Model: c.QueryParam("model"), Tag: c.QueryParam("tag")}
	facets, err := s.DB.ChronicleFacets(ctx, who)
	if err != nil {
		return err
	}
	p.Projects, p.Repos, p.Models = facets.Projects, facets.Repos, facets.Models
	f := store.ChronicleFilter{Project: p.Project, Repo: p.Repo, Model: p.Model}
	if p.Tag != "" {
		f.Tags = []string{p.Tag}
	}
	if f.Text = p.Query; p.Query != "" {
		f.Limit = 2 * talesPerPage
		found, err := s.DB.Search(ctx, who, f)
		if err != nil {
			return err
		}
		for _, f := range found {
			hit, err := s.hitView(f)
			if err != nil {
				return err
			}
			p.Hits = append(p.Hits, hit)
		}
		return html(c, http.StatusOK, ui.Chronicles(p))
	}
	offset, err := numberWithin(c, "offset", 0, 0, 1<<30)
	if err != nil {
		return err
	}
	f.Limit, f.Offset = talesPerPage+1, offset
	rows, err := s.DB.Chronicles(ctx, who, f)
	if err != nil {
		return err
	}
	if len(rows) > talesPerPage {
		rows, p.Older = rows[:talesPerPage], offset+talesPerPage
	}
	p.List = s.chronicleViews(rows)
	return html(c, http.StatusOK, ui.Chronicles(p))
}

func (s *server) chroniclePage(c echo.Context) error {
	return s.showChronicle(c, http.StatusOK, "", c.QueryParam("edit") != "")
}

func (s *server) showChronicle(c echo.Context, status int, problem string, edit bool) error {
	ctx, who := c.Request().Context(), principal(c)
	row, err := s.chronicle(c)
	if err != nil {
		return err
	}
	chain, err := s.DB.Chain(ctx, who, row.ID)
	if err != nil {
		return err
	}
	tl, kinds, err := s.timelinePage(c, row.ID, true)
	if err != nil {
		return err
	}
	p := ui.ChroniclePage{Shell: s.shell(c, row.Name), Chronicle: s.chronicleView(row), Timeline: tl, Kinds: kinds, Chain: s.chronicleViews(chain),
		Agents: []string{"claude", "codex"}, Problem: problem, Edit: edit, Skipped: skipped(c)}
	_, err = s.DB.Session(ctx, who, row.SessionID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	p.Session = err == nil
	p.Looks = p.Looks || guest(who, store.Session{OwnerID: row.OwnerID})
	if p.Name, err = s.nextName(ctx, who, row.Name); err != nil {
		return err
	}
	on, err := s.reforgedOn(ctx, row, "")
	if err != nil {
		return err
	}
	p.Places = s.places(on)
	return html(c, status, ui.ChronicleView(p))
}

// skipped reports whether the address asks for a later piece of a timeline.
func skipped(c echo.Context) bool { return c.QueryParam("cursor") != "" || c.QueryParam("at") != "" }

// timelinePage is the piece of a timeline that the address asks for: kinds, and
// what lies behind a cursor, or at a time (unix ms), which is what the search
// found. texts: with what was asked and answered, whole.
func (s *server) timelinePage(c echo.Context, id string, texts bool) (client.Timeline, []string, error) {
	f := store.TimelineFilter{Limit: eventsPerPage, Texts: texts}
	for _, k := range c.QueryParams()["kind"] {
		if slices.Contains(timelineTypes, k) && !slices.Contains(f.Types, k) {
			f.Types = append(f.Types, k)
		}
	}
	var err error
	if f.After, err = cursor(c); err != nil {
		return client.Timeline{}, nil, err
	}
	if at := c.QueryParam("at"); at != "" {
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return client.Timeline{}, nil, invalid(fieldError{Type: "int_parsing", Loc: []any{"query", "at"}, Msg: "Input should be a time in unix ms", Input: at})
		}
		f.After = store.TimelineCursor{At: time.UnixMilli(ms - 1).UTC(), N: math.MaxInt64}
	}
	t, err := s.Chronicles.Timeline(c.Request().Context(), principal(c), id, f)
	return timelineView(t), f.Types, err
}

// timelineFragment is the Timeline pane of a session.
func (s *server) timelineFragment(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	pane, err := s.timelinePane(c, row)
	if err != nil {
		return err
	}
	return html(c, http.StatusOK, ui.TimelineView(pane))
}

func (s *server) timelinePane(c echo.Context, row store.Session) (ui.TimelinePane, error) {
	p := ui.TimelinePane{Session: s.view(c, row)}
	ch, err := s.DB.ChronicleOfRun(c.Request().Context(), row.ID, row.Run)
	if errors.Is(err, store.ErrNotFound) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	p.Chronicle = s.chronicleView(ch)
	p.Timeline, p.Kinds, err = s.timelinePage(c, ch.ID, false)
	return p, err
}

// postReforge makes a session that goes on where a chronicle ends. What is
// refused is said on the page.
func (s *server) postReforge(c echo.Context) error {
	row, err := s.reforged(c, client.Reforge{Name: c.FormValue("name"), Agent: c.FormValue("agent"), Checkpoint: c.FormValue("checkpoint"), Runtime: c.FormValue("runtime")})
	if err != nil {
		status, detail, known := answer(err)
		if !known {
			return err
		}
		return s.showChronicle(c, status, sentenceOf(detail), false)
	}
	return done(c, "/sessions/"+row.ID)
}

// sentenceOf is what an error answer says, for a page.
func sentenceOf(detail any) string {
	fields, ok := detail.([]fieldError)
	if !ok {
		return fmt.Sprint(detail)
	}
	var all []string
	for _, f := range fields {
		all = append(all, f.Msg)
	}
	return strings.Join(all, " ")
}

// postChronicle takes a person's words and tags.
func (s *server) postChronicle(c echo.Context) error {
	row, err := s.chronicle(c)
	if err != nil {
		return err
	}
	list := func(name, sep string) *[]string {
		out := []string{}
		for v := range strings.SplitSeq(strings.ReplaceAll(c.FormValue(name), "\r", ""), sep) {
			if v = strings.TrimSpace(v); v != "" {
				out = append(out, v)
			}
		}
		return &out
	}
	summary, left := c.FormValue("summary"), c.FormValue("unfinished_work")
	patch, err := s.patch(row.Owner(), texts{Summary: &summary, KeyChanges: list("key_changes", "\n"), Unfinished: &left})
	patch.Tags = list("tags", ",")
	if err == nil {
		_, err = s.DB.PatchChronicle(c.Request().Context(), principal(c), row.ID, patch)
	}
	if status, detail, known := answer(err); err != nil {
		if !known {
			return err
		}
		return s.showChronicle(c, status, sentenceOf(detail), true)
	}
	return done(c, "/chronicles/"+row.ID)
}

// exportChronicle is the whole chronicle as a document, or as the API has it.
func (s *server) exportChronicle(c echo.Context) error {
	row, err := s.chronicle(c)
	if err != nil {
		return err
	}
	t, err := s.Chronicles.Timeline(c.Request().Context(), principal(c), row.ID, store.TimelineFilter{Texts: true})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%s", row.StartedAt.UTC().Format("2006-01-02"), row.ID[:min(8, len(row.ID))])
	attach := func(ext string) {
		c.Response().Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote(name+ext))
		c.Response().Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	}
	switch c.QueryParam("format") {
	case "", "md":
		attach(".md")
		return c.Blob(http.StatusOK, "text/markdown; charset=utf-8", []byte(chronicle.Markdown(row, t)))
	case "json":
		attach(".json")
		return c.JSON(http.StatusOK, map[string]any{"chronicle": s.chronicleView(row), "timeline": timelineView(t)})
	}
	return fail(http.StatusUnprocessableEntity, "A chronicle is exported as md or json, not as %q.", c.QueryParam("format"))
}
