package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/chronicle"
	"volundr/store"
	"volundr/ui/client"
)

// chronicleRoutes are the contract's §1.4 and §1.5, and the search.
func (s *server) chronicleRoutes(g *echo.Group) {
	g.GET("/chronicles", s.listChronicles)
	g.POST("/chronicles", s.createChronicle)
	g.GET("/chronicles/search", s.searchChronicles)
	g.GET("/chronicles/:id", s.getChronicle)
	g.PATCH("/chronicles/:id", s.patchChronicle)
	g.DELETE("/chronicles/:id", s.deleteChronicle)
	g.GET("/chronicles/:id/chain", s.chain)
	g.GET("/chronicles/:id/export", s.exportChronicle)
	g.GET("/chronicles/:id/timeline", s.timeline)
	g.POST("/chronicles/:id/timeline", s.postTimeline)
	g.GET("/sessions/:id/chronicle", s.sessionChronicle)
	g.POST("/sessions/:id/chronicle", s.reportChronicle)
	g.POST("/events", s.postEvent)
	g.POST("/events/batch", s.postEvents)
	g.GET("/events/health", s.eventsHealth)
	g.GET("/sessions/:id/events", s.listEvents)
	g.GET("/sessions/:id/events/counts", s.countEvents)
	g.GET("/sessions/:id/events/tokens", s.tokenEvents)
}

// numberWithin reads a query parameter within bounds, or the one it is when absent.
func numberWithin(c echo.Context, name string, absent, least, most int) (int, error) {
	text := c.QueryParam(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	loc := []any{"query", name}
	switch {
	case err != nil:
		return 0, invalid(fieldError{Type: "int_parsing", Loc: loc, Msg: "Input should be a valid integer, unable to parse string as an integer", Input: text})
	case n < least:
		return 0, invalid(fieldError{Type: "greater_than_equal", Loc: loc, Msg: "Input should be greater than or equal to " + strconv.Itoa(least), Input: text})
	case n > most:
		return 0, invalid(fieldError{Type: "less_than_equal", Loc: loc, Msg: "Input should be less than or equal to " + strconv.Itoa(most), Input: text})
	}
	return n, nil
}

const unbounded = 1 << 31

func (s *server) listChronicles(c echo.Context) error {
	limit, err := numberWithin(c, "limit", 50, 1, 200)
	if err != nil {
		return err
	}
	offset, err := numberWithin(c, "offset", 0, 0, unbounded)
	if err != nil {
		return err
	}
	f := chosen(c)
	f.Limit, f.Offset = limit, offset
	rows, err := s.DB.Chronicles(c.Request().Context(), principal(c), f)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.chronicleViews(rows))
}

// chosen is the filter of a list or a search.
func chosen(c echo.Context) store.ChronicleFilter {
	f := store.ChronicleFilter{Project: c.QueryParam("project"), Repo: c.QueryParam("repo"), Model: c.QueryParam("model_name"),
		SessionID: c.QueryParam("session_id"), Text: c.QueryParam("q")}
	for _, t := range strings.Split(c.QueryParam("tags"), ",") {
		if t = strings.TrimSpace(t); t != "" {
			f.Tags = append(f.Tags, t)
		}
	}
	return f
}

// chronicle is the row that the path names, if the caller may see it.
func (s *server) chronicle(c echo.Context) (store.Chronicle, error) {
	row, err := s.DB.Chronicle(c.Request().Context(), principal(c), c.Param("id"))
	if isNotFound(err) {
		err = fail(http.StatusNotFound, "Chronicle not found: %s", c.Param("id"))
	}
	return row, err
}

func (s *server) getChronicle(c echo.Context) error {
	row, err := s.chronicle(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.chronicleView(row))
}

type chronicleIn struct {
	SessionID *string `json:"session_id"`
}

func (s *server) createChronicle(c echo.Context) error {
	var in chronicleIn
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.SessionID == nil {
		return invalid(missing("session_id"))
	}
	row, err := s.current(c, *in.SessionID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, s.chronicleView(row))
}

// current is the chronicle of the run that a session is in, opened where there
// is none.
func (s *server) current(c echo.Context, session string) (store.Chronicle, error) {
	row, err := s.Chronicles.Current(c.Request().Context(), principal(c), session)
	if isNotFound(err) {
		err = fail(http.StatusNotFound, "Session not found: %s", session)
	}
	return row, err
}

func missing(field string) fieldError {
	return fieldError{Type: "missing", Loc: []any{"body", field}, Msg: "Field required"}
}

// texts are what a client says of a run; nil fields say nothing.
type texts struct {
	Summary    *string   `json:"summary,omitempty"`
	KeyChanges *[]string `json:"key_changes,omitempty"`
	Unfinished *string   `json:"unfinished_work,omitempty"`
}

// patch takes texts of an owner's run into what is stored, without secrets and
// bounded.
func (s *server) patch(of store.Principal, t texts) (p store.ChroniclePatch, err error) {
	redact := s.Chronicles.Redact(of)
	clean := func(field string, text *string) *string {
		if text == nil {
			return nil
		}
		if len(*text) > 64<<10 {
			err = invalid(fieldError{Type: "string_too_long", Loc: []any{"body", field}, Msg: "String should have at most 65536 characters"})
		}
		out := redact(*text)
		return &out
	}
	p.Summary, p.Unfinished = clean("summary", t.Summary), clean("unfinished_work", t.Unfinished)
	if t.KeyChanges != nil {
		changes := []string{}
		for _, k := range *t.KeyChanges {
			changes = append(changes, *clean("key_changes", &k))
		}
		p.KeyChanges = &changes
	}
	return p, err
}

// patchIn changes what it names.
type patchIn struct {
	texts
	Tags   *[]string `json:"tags,omitempty"`
	Status *string   `json:"status,omitempty"`
}

func (s *server) patchChronicle(c echo.Context) error {
	row, err := s.chronicle(c)
	if err != nil {
		return err
	}
	var in patchIn
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Status != nil && *in.Status != "draft" && *in.Status != "complete" {
		return invalid(fieldError{Type: "enum", Loc: []any{"body", "status"}, Msg: "Input should be 'draft' or 'complete'", Input: *in.Status})
	}
	p, err := s.patch(row.Owner(), in.texts)
	if err != nil {
		return err
	}
	p.Tags, p.Status = in.Tags, in.Status
	if row, err = s.DB.PatchChronicle(c.Request().Context(), principal(c), row.ID, p); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.chronicleView(row))
}

func (s *server) deleteChronicle(c echo.Context) error {
	row, err := s.chronicle(c)
	if err != nil {
		return err
	}
	if err := s.DB.DeleteChronicle(c.Request().Context(), principal(c), row.ID); err != nil && !isNotFound(err) {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) chain(c echo.Context) error {
	rows, err := s.DB.Chain(c.Request().Context(), principal(c), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.chronicleViews(rows))
}

func (s *server) sessionChronicle(c echo.Context) error {
	rows, err := s.DB.Chronicles(c.Request().Context(), principal(c), store.ChronicleFilter{SessionID: c.Param("id"), Limit: 1})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fail(http.StatusNotFound, "No chronicle found for session: %s", c.Param("id"))
	}
	return c.JSON(http.StatusOK, s.chronicleView(rows[0]))
}

// reportIn is what a session's own program tells of its run.
type reportIn struct {
	texts
	Duration *int64 `json:"duration_seconds,omitempty"`
}

// reportChronicle takes a report of a run in. How long it lasted is counted here
// and not believed.
func (s *server) reportChronicle(c echo.Context) error {
	var in reportIn
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Duration != nil && *in.Duration < 0 {
		return invalid(fieldError{Type: "greater_than_equal", Loc: []any{"body", "duration_seconds"}, Msg: "Input should be greater than or equal to 0", Input: *in.Duration})
	}
	row, err := s.current(c, c.Param("id"))
	if err != nil {
		return err
	}
	p, err := s.patch(row.Owner(), in.texts)
	if err != nil {
		return err
	}
	if row, err = s.DB.PatchChronicle(c.Request().Context(), principal(c), row.ID, p); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, s.chronicleView(row))
}

// searchChronicles finds words in messages, commands, file names and texts, in
// chronicles that the filters of the list let through.
func (s *server) searchChronicles(c echo.Context) error {
	limit, err := numberWithin(c, "limit", 50, 1, 200)
	if err != nil {
		return err
	}
	f := chosen(c)
	f.Limit = limit
	found, err := s.DB.Search(c.Request().Context(), principal(c), f)
	if err != nil {
		return err
	}
	out := make([]client.ChronicleHit, 0, len(found))
	for _, f := range found {
		hit, err := s.hitView(f)
		if err != nil {
			return err
		}
		out = append(out, hit)
	}
	return c.JSON(http.StatusOK, out)
}

func (s *server) hitView(f store.Found) (client.ChronicleHit, error) {
	hit := client.ChronicleHit{Chronicle: s.chronicleView(f.Chronicle), Snippet: pieces(f.Snippet)}
	if f.Event == nil {
		return hit, nil
	}
	e, err := chronicle.EventOf(f.Chronicle, *f.Event)
	v := eventView(e)
	hit.Event = &v
	return hit, err
}

// pieces splits a snippet at its marks.
func pieces(snippet string) []client.Piece {
	out := []client.Piece{}
	for i, part := range strings.Split(snippet, store.MarkStart) {
		hit, rest := "", part
		if i > 0 {
			hit, rest, _ = strings.Cut(part, store.MarkEnd)
		}
		if hit != "" {
			out = append(out, client.Piece{Text: hit, Hit: true})
		}
		if rest != "" {
			out = append(out, client.Piece{Text: rest})
		}
	}
	return out
}
