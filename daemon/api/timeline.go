package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/daemon/chronicle"
	"volundr/store"
	"volundr/ui/client"
)

var timelineTypes = []string{chronicle.TypeSession, chronicle.TypeMessage, chronicle.TypeFile, chronicle.TypeGit, chronicle.TypeTerminal, chronicle.TypeError}

// timeline is the contract's: the path names a session, and for us also a
// chronicle. ?type=a,b ?limit= ?cursor= (Next of the page before) ?texts=true
// are ours.
func (s *server) timeline(c echo.Context) error {
	ctx, p, id := c.Request().Context(), principal(c), c.Param("id")
	limit, err := numberWithin(c, "limit", 0, 1, 10_000)
	if err != nil {
		return err
	}
	f := store.TimelineFilter{Limit: limit, Texts: c.QueryParam("texts") == "true"}
	if types := c.QueryParam("type"); types != "" {
		f.Types = strings.Split(types, ",")
		for _, t := range f.Types {
			if !slices.Contains(timelineTypes, t) {
				return invalid(badType([]any{"query", "type"}, t))
			}
		}
	}
	if f.After, err = cursor(c); err != nil {
		return err
	}
	row, err := s.Chronicles.Latest(ctx, p, id)
	if isNotFound(err) {
		return fail(http.StatusNotFound, "No chronicle data for session: %s", id)
	} else if err != nil {
		return err
	}
	t, err := s.Chronicles.Timeline(ctx, p, row.ID, f)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, timelineView(t))
}

// cursor reads the Next of a page before; without one a timeline begins.
func cursor(c echo.Context) (at store.TimelineCursor, err error) {
	given := c.QueryParam("cursor")
	if given == "" {
		return at, nil
	}
	stamp, coded, _ := strings.Cut(given, ".")
	ms, wrong := strconv.ParseInt(stamp, 10, 64)
	key, bad := base64.RawURLEncoding.DecodeString(coded)
	if wrong != nil || bad != nil || len(key) == 0 {
		return at, invalid(fieldError{Type: "value_error", Loc: []any{"query", "cursor"}, Msg: "Input should be the next of a page before", Input: given})
	}
	at.At, at.Key = time.UnixMilli(ms).UTC(), string(key)
	return at, nil
}

// timelineView is a piece of a timeline as clients see it.
func timelineView(t chronicle.Timeline) client.Timeline {
	v := sumsView(t.Sums)
	v.Events = eventViews(t.Events)
	if n := len(t.Events); n > 0 && t.More {
		v.Next = fmt.Sprintf("%d.%s", t.Events[n-1].At.UnixMilli(), base64.RawURLEncoding.EncodeToString([]byte(t.Events[n-1].Key)))
	}
	return v
}

func badType(loc []any, given string) fieldError {
	return fieldError{Type: "enum", Loc: loc, Msg: "Input should be 'session', 'message', 'file', 'git', 'terminal' or 'error'", Input: given}
}

// told is an event as a client tells it.
type told struct {
	T      *int64  `json:"t"`
	Type   *string `json:"type"`
	Label  *string `json:"label"`
	Tokens *int64  `json:"tokens,omitempty"`
	Action *string `json:"action,omitempty"`
	Ins    *int    `json:"ins,omitempty"`
	Del    *int    `json:"del,omitempty"`
	Hash   *string `json:"hash,omitempty"`
	Exit   *int    `json:"exit,omitempty"`
}

// check gives what is wrong with it.
func (e told) check() (wrong []fieldError) {
	negative := func(field string, n int64) {
		if n < 0 {
			wrong = append(wrong, fieldError{Type: "greater_than_equal", Loc: []any{"body", field}, Msg: "Input should be greater than or equal to 0", Input: n})
		}
	}
	switch {
	case e.T == nil:
		wrong = append(wrong, missing("t"))
	default:
		negative("t", *e.T)
	}
	switch {
	case e.Type == nil:
		wrong = append(wrong, missing("type"))
	case !slices.Contains(timelineTypes, *e.Type):
		wrong = append(wrong, badType([]any{"body", "type"}, *e.Type))
	}
	switch {
	case e.Label == nil:
		wrong = append(wrong, missing("label"))
	case strings.TrimSpace(*e.Label) == "":
		wrong = append(wrong, fieldError{Type: "string_too_short", Loc: []any{"body", "label"}, Msg: "String should have at least 1 character", Input: *e.Label})
	}
	if e.Tokens != nil {
		negative("tokens", *e.Tokens)
	}
	for field, n := range map[string]*int{"ins": e.Ins, "del": e.Del} {
		if n != nil {
			negative(field, int64(*n))
		}
	}
	if e.Action != nil && !slices.Contains([]string{"created", "modified", "deleted"}, *e.Action) {
		wrong = append(wrong, fieldError{Type: "enum", Loc: []any{"body", "action"}, Msg: "Input should be 'created', 'modified' or 'deleted'", Input: *e.Action})
	}
	if e.Hash != nil && len(*e.Hash) > 40 {
		wrong = append(wrong, fieldError{Type: "string_too_long", Loc: []any{"body", "hash"}, Msg: "String should have at most 40 characters", Input: *e.Hash})
	}
	return wrong
}

// latestT bounds t: a run lasts no century.
const latestT = 100 * 365 * 24 * 3600

func (s *server) postTimeline(c echo.Context) error {
	var in told
	if err := decode(c, &in); err != nil {
		return err
	}
	if wrong := in.check(); len(wrong) > 0 {
		return invalid(wrong...)
	}
	d := chronicle.Data{Tokens: in.Tokens, Ins: in.Ins, Del: in.Del, Exit: in.Exit}
	if in.Action != nil {
		d.Action = *in.Action
	}
	if in.Hash != nil {
		d.Hash = *in.Hash
	}
	e, err := s.Chronicles.Report(c.Request().Context(), principal(c), c.Param("id"), min(*in.T, latestT), time.Time{}, *in.Type, *in.Label, d)
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Session not found: %s", c.Param("id"))
	} else if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, eventView(e))
}
