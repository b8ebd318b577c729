package api

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui"
)

// events is the UI's stream: fragments of pages, one connection per browser.
//
//	session {id, row, header, open}   gone {id}   with the event's number
//	stats {html}   image {html}   trouble {html}   stale {id}   without: the last counts
func (s *server) events(c echo.Context) error {
	after, now, err := s.cursor(c)
	if err != nil {
		return err
	}
	ctx, p, looks := c.Request().Context(), principal(c), !may(c, auth.Work)
	out := startSSE(c)
	if now.Missed(after) { // the page slept for long; its user was moved
		after = now.Last
		if out.send(0, "stale", obj{"id": after}) != nil {
			return nil
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.tellNotices(ctx, out) })
	g.Go(func() error {
		idle := func() error { return s.tellStats(ctx, out, p, looks) }
		if err := idle(); err != nil {
			return err
		}
		return s.follow(ctx, p, after, func(e store.Event) error {
			if err := s.tellSession(c, out, p, e); err != nil {
				return err
			}
			if e.Type == store.SessionActivity || strings.HasPrefix(e.Type, "chronicle_") {
				return nil
			}
			return idle()
		}, idle)
	})
	_ = g.Wait() // ends when the client goes
	return nil
}

func (s *server) tellSession(c echo.Context, out *sse, p store.Principal, e store.Event) error {
	ctx := c.Request().Context()
	switch {
	case strings.HasPrefix(e.Type, "chronicle_"), strings.HasPrefix(e.Type, "pr_"):
		return nil
	case e.Type == store.SessionDeleted:
		return out.send(e.Seq, "gone", obj{"id": e.SessionID})
	}
	row, err := s.DB.Session(ctx, p, e.SessionID)
	if isNotFound(err) || err == nil && row.Kind != "session" {
		return nil
	} else if err != nil {
		return err
	}
	data, err := ui.SessionEvent(ctx, s.view(c, row), s.Now())
	if err != nil {
		return err
	}
	return out.send(e.Seq, "session", json.RawMessage(data))
}

func (s *server) tellStats(ctx context.Context, out *sse, p store.Principal, looks bool) error {
	st, err := s.DB.Stats(ctx, p, s.Now())
	if err != nil {
		return err
	}
	html, err := ui.Render(ctx, ui.DashboardFooter(statsView(st), s.Status(ctx).Version, looks))
	if err != nil {
		return err
	}
	return out.send(0, "stats", obj{"html": html})
}

// tellNotices tells how far the session image is and which runtimes do not
// answer, when that changes.
func (s *server) tellNotices(ctx context.Context, out *sse) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	said := map[string]string{}
	for {
		st := s.Status(ctx)
		for name, notice := range map[string]templ.Component{"image": ui.ImageNotice(imageProgress(st.Image)), "trouble": ui.TroubleNotice(st.Trouble)} {
			html, err := ui.Render(ctx, notice)
			if err != nil {
				return err
			}
			if html == said[name] {
				continue
			}
			said[name] = html
			if err := out.send(0, name, obj{"html": html}); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.Stopping.Done():
			return context.Canceled
		}
	}
}
