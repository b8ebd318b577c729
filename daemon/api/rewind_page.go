package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui"
)

// rewindPage shows what going back to a checkpoint would change.
func (s *server) rewindPage(c echo.Context) error {
	return s.showRewind(c, http.StatusOK, "")
}

func (s *server) showRewind(c echo.Context, status int, problem string) error {
	ctx, p := c.Request().Context(), principal(c)
	row, err := s.session(c)
	if err != nil {
		return err
	}
	v := ui.RewindPage{Shell: s.shell(c, "Back"), Session: s.view(c, row), Checkpoint: c.Param("checkpoint"), Problem: problem}
	points, err := s.told(ctx, p, row.ID)
	if err != nil {
		return err
	}
	for _, point := range points {
		if point.ID == v.Checkpoint {
			v.Text = point.Text
		}
	}
	if v.Problem == "" && row.State != store.Running {
		v.Problem = "Only a running session can go back. Start it first, or fork from there."
	}
	if v.Problem == "" {
		if v.Loss, err = s.Links.Loss(ctx, row.ID, v.Checkpoint); err != nil {
			code, detail, known := answer(err)
			if !known {
				return err
			}
			status, v.Problem = code, sentenceOf(detail)
		}
	}
	if ch, err := s.DB.ChronicleOfRun(ctx, row.ID, row.Run); err == nil {
		v.Chronicle = ch.ID
		if v.Name, err = s.nextName(ctx, p, row.Name); err != nil {
			return err
		}
	} else if !isNotFound(err) {
		return err
	}
	return html(c, status, ui.Rewind(v))
}

// postRewind goes back.
func (s *server) postRewind(c echo.Context) error {
	row, err := s.running(c, "go back")
	if err == nil {
		err = s.Links.Rewind(c.Request().Context(), row.ID, c.Param("checkpoint"))
	}
	if err == nil {
		return done(c, "/sessions/"+row.ID+"/chat")
	}
	status, detail, known := answer(err)
	if !known || row.ID == "" { // no page of a session that is not there
		return err
	}
	return s.showRewind(c, status, sentenceOf(detail))
}
