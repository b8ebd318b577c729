package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui/client"
)

// reportRoutes take what a program of a session's owner, which works in it beside
// the agent, says of itself. What the agent does is seen, and needs no word.
func (s *server) reportRoutes(g *echo.Group) {
	g.POST("/sessions/:id/activity", s.reportActivity)
	g.POST("/sessions/:id/usage", s.reportUsage)
}

// activityIn is what a program does, and an object about it, of which text is for
// people.
type activityIn struct {
	State    *string         `json:"state"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

const maxMetadata = 64 << 10 // bytes

var toldActivities = []string{client.Active, client.Idle, client.ToolExecuting}

func (s *server) reportActivity(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	var in activityIn
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.State == nil {
		return invalid(missing("state"))
	}
	if !slices.Contains(toldActivities, *in.State) {
		return fail(http.StatusUnprocessableEntity, "Invalid activity state: %s", *in.State)
	}
	about := json.RawMessage(`{}`)
	if len(in.Metadata) > maxMetadata {
		return invalid(fieldError{Type: "value_error", Loc: []any{"body", "metadata"}, Msg: fmt.Sprintf("Input should have at most %d bytes", maxMetadata)})
	}
	if len(in.Metadata) > 0 && string(in.Metadata) != "null" {
		var object map[string]json.RawMessage
		if json.Unmarshal(in.Metadata, &object) != nil {
			return invalid(fieldError{Type: "value_error", Loc: []any{"body", "metadata"}, Msg: "Input should be a valid object"})
		}
		about = redacted(in.Metadata, s.Chronicles.Redact(row.Owner()))
	}
	if err := s.Links.Report(c.Request().Context(), principal(c), row.ID, *in.State, about); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// activityView is the contract's event of an activity. What a program told never
// hides that the agent works or asks.
func activityView(e store.Event, row store.Session) obj {
	v := obj{"session_id": row.ID, "state": row.Activity, "metadata": obj{"text": row.ActivityText}, "owner_id": row.OwnerID}
	var d store.EventData
	if json.Unmarshal(e.Data, &d) == nil && d.Metadata != nil {
		v["metadata"] = d.Metadata
		if row.Activity == "" || row.Activity == client.Idle {
			v["state"] = d.Activity
		}
	}
	return v
}

// usageIn is what a program used: a pointer tells what is absent from 0.
type usageIn struct {
	Tokens   *int64   `json:"tokens"`
	Provider *string  `json:"provider"`
	Model    *string  `json:"model"`
	Messages *int64   `json:"message_count,omitempty"`
	Cost     *float64 `json:"cost,omitempty"`
}

// A report tells of less than these. No work uses so much between two of them, and
// no number of reports adds up to more than can be counted.
const (
	maxUsedTokens   = 1e9
	maxUsedMessages = 1e6
	maxUsedCost     = 1e5 // US dollars
)

func (in usageIn) check() (wrong []fieldError) {
	is := func(field, kind, msg string, input any) {
		wrong = append(wrong, fieldError{Type: kind, Loc: []any{"body", field}, Msg: msg, Input: input})
	}
	atMost := func(field string, n, most float64, input any) {
		if n > most {
			is(field, "less_than_equal", fmt.Sprintf("Input should be less than or equal to %.0f", most), input)
		}
	}
	switch {
	case in.Tokens == nil:
		wrong = append(wrong, missing("tokens"))
	case *in.Tokens <= 0:
		is("tokens", "greater_than", "Input should be greater than 0", *in.Tokens)
	default:
		atMost("tokens", float64(*in.Tokens), maxUsedTokens, *in.Tokens)
	}
	switch {
	case in.Provider == nil:
		wrong = append(wrong, missing("provider"))
	case *in.Provider != "cloud" && *in.Provider != "local":
		is("provider", "enum", "Input should be 'cloud' or 'local'", *in.Provider)
	}
	switch {
	case in.Model == nil:
		wrong = append(wrong, missing("model"))
	case *in.Model == "":
		is("model", "string_too_short", "String should have at least 1 character", "")
	case utf8.RuneCountInString(*in.Model) > 100:
		is("model", "string_too_long", "String should have at most 100 characters", *in.Model)
	}
	if n := in.Messages; n != nil {
		if *n < 1 {
			is("message_count", "greater_than_equal", "Input should be greater than or equal to 1", *n)
		}
		atMost("message_count", float64(*n), maxUsedMessages, *n)
	}
	if n := in.Cost; n != nil {
		if *n < 0 {
			is("cost", "greater_than_equal", "Input should be greater than or equal to 0", *n)
		}
		atMost("cost", *n, maxUsedCost, *n)
	}
	return wrong
}

// usageOut is a report as it was counted.
type usageOut struct {
	ID         string    `json:"id"`
	SessionID  string    `json:"session_id"`
	RecordedAt time.Time `json:"recorded_at"`
	Tokens     int64     `json:"tokens"`
	Provider   string    `json:"provider"`
	Model      string    `json:"model"`
	Cost       *float64  `json:"cost"`
}

func (s *server) reportUsage(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	var in usageIn
	if err := decode(c, &in); err != nil {
		return err
	}
	if wrong := in.check(); len(wrong) > 0 {
		return invalid(wrong...)
	}
	u, err := s.DB.ReportUsage(c.Request().Context(), principal(c), store.Usage{SessionID: row.ID, Turn: uuid.NewString(), Provider: *in.Provider, Model: *in.Model,
		Input: *in.Tokens, Messages: int(cmp.Or(client.Deref(in.Messages), 1)), CostMicros: int64(math.Round(client.Deref(in.Cost) * 1e6))})
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Session not found: %s", row.ID)
	} else if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, usageOut{ID: u.Turn, SessionID: row.ID, RecordedAt: u.At.UTC(), Tokens: u.Input, Provider: u.Provider, Model: u.Model, Cost: in.Cost})
}
