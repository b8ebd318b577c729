package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// inbox answers what needs a person, the longest waiting first.
func (s *server) inbox(c echo.Context) error {
	ctx, p := c.Request().Context(), principal(c)
	rows := []store.Session{}
	for _, state := range []store.State{store.Running, store.Failed} {
		some, err := s.DB.Sessions(ctx, p, store.SessionFilter{States: []store.State{state}})
		if err != nil {
			return err
		}
		rows = append(rows, some...)
	}
	needs, err := s.needs(ctx, rows)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, needs)
}

// needs are what sessions wait for a person with, the longest waiting first.
func (s *server) needs(ctx context.Context, rows []store.Session) ([]client.Need, error) {
	out := []client.Need{}
	for _, row := range rows {
		switch {
		case row.State == store.Failed && row.Failure != nil:
			out = append(out, client.Need{ID: fmt.Sprintf("failure:%s:%d:%d", row.ID, row.Run, row.Failure.At.UnixMilli()), Kind: client.NeedFailure,
				SessionID: row.ID, Session: row.Name, At: row.Since, Text: row.Failure.Reason})
		case row.State == store.Running && !row.ExpiresAt.IsZero() && !s.Now().Before(row.EndsSoon()):
			out = append(out, client.Need{ID: fmt.Sprintf("time:%s:%d", row.ID, row.ExpiresAt.UnixMilli()), Kind: client.NeedTime,
				SessionID: row.ID, Session: row.Name, At: row.EndsSoon(), Until: &row.ExpiresAt, Text: "is stopped when its time to live is over"})
		}
		switch {
		case row.State == store.Running && row.Activity != client.Idle && row.Activity != "":
			a, err := s.Links.Attention(ctx, row)
			if err != nil && !isNotFound(err) { // it may be gone by now
				return nil, err
			}
			out = append(out, needsOf(row, a)...)
			if why, waits := strings.CutPrefix(row.ActivityText, client.WaitsForModel); waits && strings.HasPrefix(why, client.NoBudget) {
				out = append(out, client.Need{ID: fmt.Sprintf("budget:%s:%s", row.ID, time.Now().UTC().Format(time.DateOnly)), Kind: client.NeedStall,
					SessionID: row.ID, Session: row.Name, At: row.UpdatedAt, Text: "waits: " + why + "."})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b client.Need) int { return a.At.Compare(b.At) })
	return out, nil
}

func needsOf(row store.Session, a link.Attention) (out []client.Need) {
	for _, q := range a.Questions {
		n := client.Need{ID: "ask:" + row.ID + ":" + q.ID, Kind: kindOf(q.Options), SessionID: row.ID, Session: row.Name, At: q.At,
			Text: q.Text, Detail: q.Detail, Cut: q.Cut, Question: q.ID, Options: []client.Option{}}
		for _, o := range q.Options {
			n.Options = append(n.Options, client.Option(o))
		}
		out = append(out, n)
	}
	if st := a.Stall; st != nil {
		out = append(out, client.Need{ID: fmt.Sprintf("stall:%s:%s:%d", row.ID, st.Turn, st.At.UnixMilli()), Kind: client.NeedStall,
			SessionID: row.ID, Session: row.Name, At: st.At, Text: st.Message})
	}
	return out
}

// kindOf tells a permission, which can be refused, from a question that cannot.
func kindOf(options []wire.Option) string {
	if slices.ContainsFunc(options, func(o wire.Option) bool { return !client.Option(o).Allows() }) {
		return client.NeedPermission
	}
	return client.NeedQuestion
}

// answerQuestion answers an open question of the agent.
func (s *server) answerQuestion(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	var in client.Answer
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.ID == "" {
		return invalid(fieldError{Type: "missing", Loc: []any{"body", "id"}, Msg: "Field required"})
	}
	if err := s.Links.Answer(c.Request().Context(), principal(c), row.ID, in.ID, in.Option); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// cancelTurn stops the turn that is under way.
func (s *server) cancelTurn(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	if err := s.Links.Cancel(c.Request().Context(), row.ID); err != nil {
		return err
	}
	if isPage(c.Request()) {
		return c.Redirect(http.StatusSeeOther, "/")
	}
	return c.NoContent(http.StatusNoContent)
}
