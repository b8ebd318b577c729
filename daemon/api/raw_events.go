package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/daemon/chronicle"
	"volundr/ui/client"
)

// rawIn is the contract's session event as a client tells it.
type rawIn struct {
	SessionID  *string         `json:"session_id"`
	EventType  *string         `json:"event_type"`
	Timestamp  *time.Time      `json:"timestamp"`
	Data       json.RawMessage `json:"data,omitempty"`
	Sequence   *int64          `json:"sequence"`
	TokensIn   *int64          `json:"tokens_in,omitempty"`
	TokensOut  *int64          `json:"tokens_out,omitempty"`
	Cost       *float64        `json:"cost,omitempty"`
	DurationMS *int64          `json:"duration_ms,omitempty"`
	Model      *string         `json:"model,omitempty"`
}

func (r rawIn) check() error {
	var wrong []fieldError
	for field, absent := range map[string]bool{"session_id": r.SessionID == nil, "event_type": r.EventType == nil,
		"timestamp": r.Timestamp == nil, "sequence": r.Sequence == nil} {
		if absent {
			wrong = append(wrong, missing(field))
		}
	}
	for field, n := range map[string]*int64{"sequence": r.Sequence, "tokens_in": r.TokensIn, "tokens_out": r.TokensOut, "duration_ms": r.DurationMS} {
		if n != nil && *n < 0 {
			wrong = append(wrong, fieldError{Type: "greater_than_equal", Loc: []any{"body", field}, Msg: "Input should be greater than or equal to 0", Input: *n})
		}
	}
	if r.Model != nil && len(*r.Model) > 100 {
		wrong = append(wrong, fieldError{Type: "string_too_long", Loc: []any{"body", "model"}, Msg: "String should have at most 100 characters", Input: *r.Model})
	}
	if len(r.Data) > 64<<10 {
		wrong = append(wrong, fieldError{Type: "value_error", Loc: []any{"body", "data"}, Msg: "Input should have at most 65536 bytes"})
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b fieldError) int { return strings.Compare(fmt.Sprint(a.Loc), fmt.Sprint(b.Loc)) })
		return invalid(wrong...)
	}
	if _, ok := chronicle.RawTypes[*r.EventType]; !ok {
		return fail(http.StatusUnprocessableEntity, "Invalid event_type: %s", *r.EventType)
	}
	return nil
}

// take stores one event in the session's timeline.
func (s *server) take(c echo.Context, r rawIn) (client.RawEvent, error) {
	data := r.Data
	if len(data) == 0 || string(data) == "null" {
		data = json.RawMessage(`{}`)
	}
	row, err := s.current(c, *r.SessionID)
	if err != nil {
		return client.RawEvent{}, err
	}
	data = redacted(data, s.Chronicles.Redact(row.Owner()))
	raw := &chronicle.Raw{Type: *r.EventType, Data: data, Sequence: *r.Sequence, TokensIn: r.TokensIn, TokensOut: r.TokensOut, Cost: r.Cost, DurationMS: r.DurationMS}
	if r.Model != nil {
		raw.Model = *r.Model
	}
	text, d := rawRow(data)
	d.Told = raw
	if raw.TokensIn != nil || raw.TokensOut != nil {
		n := client.Deref(raw.TokensIn) + client.Deref(raw.TokensOut)
		d.Tokens = &n
	}
	if text == "" {
		text = strings.ReplaceAll(raw.Type, "_", " ")
	}
	d.Action = map[string]string{"file_created": "created", "file_modified": "modified", "file_deleted": "deleted"}[raw.Type]
	typ := chronicle.RawTypes[raw.Type]
	e, err := s.Chronicles.Report(c.Request().Context(), principal(c), *r.SessionID, 0, r.Timestamp.UTC(), typ, text, d)
	if isNotFound(err) {
		return client.RawEvent{}, fail(http.StatusNotFound, "Session not found: %s", *r.SessionID)
	} else if err != nil {
		return client.RawEvent{}, err
	}
	return rawView(*r.SessionID, chronicle.RawEvent{ID: chronicle.RawID(*r.SessionID, e), Event: e, Raw: *raw}), nil
}

// rawRow is what a timeline shows of an event's data.
func rawRow(data json.RawMessage) (text string, d chronicle.Data) {
	var v struct {
		Content string `json:"content_preview"`
		Path    string `json:"path"`
		Hash    string `json:"hash"`
		Message string `json:"message"`
		Command string `json:"command"`
		Tool    string `json:"tool"`
		Branch  string `json:"branch"`
		Name    string `json:"name"`
		Reason  string `json:"reason"`
		Exit    *int   `json:"exit_code"`
		Ins     *int   `json:"insertions"`
		Del     *int   `json:"deletions"`
	}
	_ = json.Unmarshal(data, &v) // odd data has no text
	for _, t := range []string{v.Content, v.Path, v.Message, v.Command, v.Tool, v.Branch, v.Name, v.Reason} {
		if text == "" {
			text = t
		}
	}
	return text, chronicle.Data{Hash: v.Hash[:min(len(v.Hash), 40)], Exit: v.Exit, Ins: v.Ins, Del: v.Del}
}

func rawView(session string, e chronicle.RawEvent) client.RawEvent {
	data := e.Raw.Data
	if len(data) == 0 {
		data = json.RawMessage(`{}`)
	}
	return client.RawEvent{ID: e.ID, SessionID: session, EventType: e.Raw.Type, Timestamp: e.At, Data: data, Sequence: e.Sequence,
		TokensIn: e.TokensIn, TokensOut: e.TokensOut, Cost: e.Cost, DurationMS: e.Raw.DurationMS, Model: orNil(e.Raw.Model)}
}

func (s *server) postEvent(c echo.Context) error {
	var in rawIn
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	out, err := s.take(c, in)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, out)
}

// rawBatch is 1 to 500 events, of which all are kept or none.
type rawBatch struct {
	Events []rawIn `json:"events"`
}

func (s *server) postEvents(c echo.Context) error {
	var in rawBatch
	if err := decode(c, &in); err != nil {
		return err
	}
	if n := len(in.Events); n < 1 || n > 500 {
		return invalid(fieldError{Type: "value_error", Loc: []any{"body", "events"}, Msg: "List should have 1 to 500 items", Input: n})
	}
	for _, e := range in.Events { // all or none
		if err := e.check(); err != nil {
			return err
		}
	}
	out := make([]client.RawEvent, 0, len(in.Events))
	for _, e := range in.Events {
		v, err := s.take(c, e)
		if err != nil {
			return err
		}
		out = append(out, v)
	}
	return c.JSON(http.StatusCreated, out)
}

// rawEvents are all of a session's events.
func (s *server) rawEvents(c echo.Context) ([]chronicle.RawEvent, error) {
	all, err := s.Chronicles.RawEvents(c.Request().Context(), principal(c), c.Param("id"))
	if err != nil || len(all) > 0 {
		return all, err
	}
	_, err = s.session(c) // none, or not yours
	return all, err
}

func (s *server) listEvents(c echo.Context) error {
	limit, err := numberWithin(c, "limit", 200, 1, 2000)
	if err != nil {
		return err
	}
	offset, err := numberWithin(c, "offset", 0, 0, unbounded)
	if err != nil {
		return err
	}
	typ := c.QueryParam("event_type")
	if _, ok := chronicle.RawTypes[typ]; typ != "" && !ok {
		return fail(http.StatusUnprocessableEntity, "Invalid event_type: %s", typ)
	}
	var between [2]time.Time
	for i, name := range []string{"after", "before"} {
		if text := c.QueryParam(name); text != "" {
			if between[i], err = time.Parse(time.RFC3339, text); err != nil {
				return invalid(fieldError{Type: "value_error", Loc: []any{"query", name}, Msg: "Input should be a valid datetime", Input: text})
			}
		}
	}
	all, err := s.rawEvents(c)
	if err != nil {
		return err
	}
	out := []client.RawEvent{}
	for _, e := range all {
		switch {
		case typ != "" && e.Raw.Type != typ,
			!between[0].IsZero() && !e.At.After(between[0]),
			!between[1].IsZero() && !e.At.Before(between[1]):
		case offset > 0:
			offset--
		case len(out) < limit:
			out = append(out, rawView(c.Param("id"), e))
		}
	}
	return c.JSON(http.StatusOK, out)
}

func (s *server) countEvents(c echo.Context) error {
	all, err := s.rawEvents(c)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for _, e := range all {
		counts[e.Raw.Type]++
	}
	return c.JSON(http.StatusOK, counts)
}

// burn is what was used in one stretch of time.
type burn struct {
	Bucket    int64  `json:"bucket"` // unix seconds
	TokensIn  int64  `json:"tokens_in"`
	TokensOut int64  `json:"tokens_out"`
	Cost      string `json:"cost"`
	cost      float64
}

// tokenEvents adds up tokens by time. What an answer used is counted once,
// whatever a client's token_usage says of it again.
func (s *server) tokenEvents(c echo.Context) error {
	size, err := numberWithin(c, "bucket_seconds", 300, 60, 3600)
	if err != nil {
		return err
	}
	all, err := s.rawEvents(c)
	if err != nil {
		return err
	}
	out := []*burn{}
	at := map[int64]*burn{}
	for _, e := range all {
		if e.Raw.Type == "token_usage" && e.Told != nil || e.TokensIn == nil && e.TokensOut == nil && e.Cost == nil {
			continue
		}
		key := e.At.Unix() / int64(size) * int64(size)
		if at[key] == nil {
			at[key] = &burn{Bucket: key}
			out = append(out, at[key])
		}
		b := at[key]
		b.TokensIn, b.TokensOut = b.TokensIn+client.Deref(e.TokensIn), b.TokensOut+client.Deref(e.TokensOut)
		if e.Cost != nil {
			b.cost += *e.Cost
		}
		b.Cost = strconv.FormatFloat(b.cost, 'f', 6, 64)
	}
	slices.SortFunc(out, func(a, b *burn) int { return int(a.Bucket - b.Bucket) })
	return c.JSON(http.StatusOK, out)
}

func (s *server) eventsHealth(c echo.Context) error {
	_, err := s.DB.Stream(c.Request().Context(), principal(c))
	return c.JSON(http.StatusOK, obj{"sinks": map[string]bool{"sqlite": err == nil}})
}
