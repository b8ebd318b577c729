package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

// windowSize is how many of the last entries a page is made of.
const windowSize = 4000

func (s *server) sessionPage(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	tab := c.Param("tab")
	if tab == "" {
		tab = "chat"
	}
	view := s.view(c, row)
	if !ui.ValidTab(tab) || !slices.Contains(ui.TabsOf(view), tab) {
		return fail(http.StatusNotFound, "A session has no page %q.", tab)
	}
	before, err := before(c)
	if err != nil {
		return err
	}
	p := ui.SessionPage{Shell: s.shell(c, row.Name), Session: view, Tab: tab, Probe: s.Auth.ProbeURL(c.Request().Context())}
	t, err := s.transcript(c, row)
	if err != nil {
		return err
	}
	part, err := s.stretch(c, row.ID, before)
	if err != nil {
		return err
	}
	p.Chat = part.page(t)
	p.Fill(t)
	if port, err := strconv.Atoi(c.QueryParam("port")); err == nil && port > 0 && port < 65536 {
		p.Port = port
	}
	if tab == "diffs" && row.State == store.Running {
		if err := s.diffsTab(c, &p); err != nil {
			return err
		}
	}
	if tab == "timeline" {
		pane, err := s.timelinePane(c, row)
		if err != nil {
			return err
		}
		p.Timeline = &pane
	}
	if tab == "logs" {
		if p.Logs, err = s.lines(c.Request().Context(), row, 500); err != nil {
			s.Log.Debug("Logs not shown", "session", row.ID, "error", err)
		}
	}
	return html(c, http.StatusOK, ui.SessionView(p))
}

// stretch is the end of a conversation, or what lies before a cursor of it.
type stretch struct {
	entries []client.Entry
	older   bool           // there are entries before these
	stands  []client.Entry // of those, what still holds
}

func (p stretch) page(t *ui.Transcript) ui.Window {
	for _, e := range p.stands {
		t.Stand(e)
	}
	return ui.Page(t, p.entries, p.older)
}

// stretch reads the last entries before a cursor.
func (s *server) stretch(c echo.Context, id string, before int64) (stretch, error) {
	ctx, p := c.Request().Context(), principal(c)
	entries, err := s.DB.Entries(ctx, p, id, 0, before, windowSize+1)
	if err != nil || len(entries) <= windowSize {
		return stretch{entries: entryViews(entries)}, err
	}
	entries = entries[1:]
	stands, err := s.DB.Standing(ctx, p, id, entries[0].N)
	return stretch{entryViews(entries), true, entryViews(stands)}, err
}

// latest is a cursor behind all entries.
const latest = 1 << 62

// before is the cursor that ?before= names, or latest.
func before(c echo.Context) (int64, error) {
	n, err := number(c, "before")
	if n == 0 {
		n = latest
	}
	return n, err
}

func number(c echo.Context, name string) (int64, error) {
	q := c.QueryParam(name)
	if q == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(q, 10, 64)
	if err != nil || n < 0 {
		return 0, fail(http.StatusUnprocessableEntity, "%s is a number, not %q.", name, q)
	}
	return n, nil
}

// entries are older entries, for clients of volundr.v1.
func (s *server) entries(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	before, err := before(c)
	if err != nil {
		return err
	}
	limit, err := number(c, "limit")
	if err != nil {
		return err
	}
	if limit == 0 || limit > page {
		limit = firstPage
	}
	rows, err := s.DB.Entries(c.Request().Context(), principal(c), row.ID, 0, before, int(limit))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, entryViews(rows))
}

// items are older items, rendered.
func (s *server) items(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	before, err := before(c)
	if err != nil {
		return err
	}
	part, err := s.stretch(c, row.ID, before)
	if err != nil {
		return err
	}
	t, err := s.transcript(c, row)
	if err != nil {
		return err
	}
	return html(c, http.StatusOK, ui.EarlierItems(row.ID, ui.Earlier(t, part.entries, part.older)))
}

// transcript begins the conversation of a session as the caller sees it: who
// looks only is told who can answer.
func (s *server) transcript(c echo.Context, row store.Session) (*ui.Transcript, error) {
	t, p := ui.NewTranscript(row.ID), principal(c)
	switch {
	case guest(p, row):
		owner, err := s.DB.User(c.Request().Context(), store.Principal{TenantID: row.TenantID, Admin: true}, row.OwnerID)
		if isNotFound(err) { // was removed
			t.Watch("You look only: an admin can answer.")
			return t, nil
		}
		t.Watch("You look only: " + owner.Name + " or an admin can answer.")
		return t, err
	case !may(c, auth.Work):
		t.Watch("You look only: an admin can answer.")
	}
	return t, nil
}

// postPrompt and postAnswer are the chat without a script.
func (s *server) postPrompt(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	text := c.FormValue("text")
	if text == "" {
		return fail(http.StatusUnprocessableEntity, "The message is empty.")
	}
	if _, err := s.prompt(c.Request().Context(), principal(c), row, store.Prompt{ID: c.FormValue("id"), Via: via(c)}, []wire.Block{{Type: "text", Text: text}}); err != nil {
		return err
	}
	return done(c, "/sessions/"+row.ID+"/chat")
}

func (s *server) postAnswer(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	if err := s.Links.Answer(c.Request().Context(), principal(c), row.ID, c.FormValue("id"), c.FormValue("option")); err != nil {
		return err
	}
	if c.FormValue("from") == "inbox" {
		return done(c, "/")
	}
	return done(c, "/sessions/"+row.ID+"/chat")
}

// sendFirst writes the first prompt of a new session down, once: its id follows
// from the session's.
func (s *server) sendFirst(c echo.Context, row store.Session, text string) error {
	if text == "" {
		return nil
	}
	raw, err := json.Marshal([]wire.Block{{Type: "text", Text: text}})
	if err != nil {
		return err
	}
	_, err = s.DB.AddPrompt(c.Request().Context(), principal(c), store.Prompt{SessionID: row.ID, Blocks: raw, Via: via(c)})
	return err
}
