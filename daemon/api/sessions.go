package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/daemon/source"
	"volundr/runtime"
	"volundr/store"
)

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

// maxBody bounds JSON bodies: prompts may be 100,000 characters each.
const maxBody = 2 << 20

// decode reads a JSON body; unknown fields are ignored, as the contract says.
func decode(c echo.Context, into any) error {
	r := c.Request()
	if r.ContentLength == 0 {
		return nil
	}
	err := json.NewDecoder(http.MaxBytesReader(c.Response(), r.Body, maxBody)).Decode(into)
	var tooLarge *http.MaxBytesError
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge):
		return fail(http.StatusRequestEntityTooLarge, "The request is larger than %d MiB, and nothing was done. Put long texts into a file of the workspace and name it.", maxBody>>20)
	case errors.As(err, &kind):
		return invalid(fieldError{Type: "value_error", Loc: []any{"body", kind.Field},
			Msg: fmt.Sprintf("Input should be a valid %s", kind.Type), Input: kind.Value})
	case errors.As(err, &syntax):
		return invalid(fieldError{Type: "json_invalid", Loc: []any{"body", syntax.Offset},
			Msg: "JSON decode error", Ctx: map[string]any{"error": syntax.Error()}})
	default:
		return invalid(fieldError{Type: "json_invalid", Loc: []any{"body", 0}, Msg: "JSON decode error"})
	}
}

// createSession creates and starts, as the contract says.
func (s *server) createSession(c echo.Context) error {
	var in struct {
		Name string `json:"name"`
		launch.Request
		verdict
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	in.From, in.Definition = nil, nil // only reforging and confirming set them
	req, err := s.resolve(c, in.Request)
	if err != nil {
		return err
	}
	row, err := s.create(c, in.Name, req, in.verdict)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, s.view(c, row))
}

// create checks a launch request, stores it and asks the engine to start it.
func (s *server) create(c echo.Context, name string, req launch.Request, say verdict) (store.Session, error) {
	return s.createAs(c, uuid.NewString(), name, req, say)
}

// createAs creates it with an id.
func (s *server) createAs(c echo.Context, id, name string, req launch.Request, say verdict) (store.Session, error) {
	name, err := checkName(name)
	if err != nil {
		return store.Session{}, err
	}
	on, err := s.runtimeOf(req.Runtime)
	if err != nil {
		return store.Session{}, err
	}
	if err := s.checkPlace(on, req.Source); err != nil {
		return store.Session{}, err
	}
	if err := s.checkRequest(c, name, &req); err != nil {
		return store.Session{}, err
	}
	if req, err = s.withDefinition(c, req, say); err != nil {
		return store.Session{}, err
	}
	return s.launch(c, id, name, on, req)
}

// runtimeOf is the name of a runtime that is here: the usual one for none.
func (s *server) runtimeOf(name string) (string, error) {
	if name == "" {
		return s.Default, nil
	}
	if _, ok := s.Runtimes[name]; !ok {
		return "", invalid(fieldError{Type: "enum", Loc: []any{"body", "runtime"}, Input: name,
			Msg: fmt.Sprintf("There is no runtime %q here: %s. Another one is set up in the configuration.", name, listed(s.places(s.Default)))})
	}
	return name, nil
}

// checkPlace refuses a live folder of this machine where there is none of it.
func (s *server) checkPlace(on string, src launch.Source) error {
	far, is := s.Runtimes[on].(runtime.Distant)
	if !is || src.Type != source.LocalMount {
		return nil
	}
	field, input := "local_path", src.LocalPath
	if input == "" && len(src.Paths) > 0 {
		field, input = "paths", src.Paths[0].HostPath
	}
	return invalid(fieldError{Type: "value_error", Loc: []any{"body", "source", src.Type, field}, Input: input, Msg: far.NoFolders()})
}

// places are the runtimes, that one first.
func (s *server) places(first string) []string {
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(s.Runtimes)), func(name string) bool { return name == first })
	return append([]string{first}, others...)
}

func listed(names []string) string {
	if len(names) == 1 {
		return "there is " + names[0]
	}
	return "there are " + strings.Join(names, ", ")
}

// launch stores a session of a checked request and asks the engine to start it.
func (s *server) launch(c echo.Context, id, name, on string, req launch.Request) (store.Session, error) {
	ctx := c.Request().Context()
	req.Runtime = "" // the record says it
	raw, err := json.Marshal(req)
	if err != nil {
		return store.Session{}, err
	}
	p := principal(c)
	if err := s.DB.Room(ctx, p, raw, time.Now()); err != nil { // so that no session is left that cannot start
		return store.Session{}, err
	}
	row, err := s.DB.CreateSession(ctx, store.Session{
		ID: id, Name: name,
		OwnerID: p.UserID, TenantID: p.TenantID, Runtime: on, Request: raw,
		Want: store.WantNone, State: store.Created,
	})
	if err != nil {
		return row, err
	}
	if err := s.sendFirst(c, row, req.InitialPrompt); err != nil {
		return row, err
	}
	row, err = s.DB.Wish(ctx, p, row.ID, store.WantRunning, store.FromStart...)
	if errors.Is(err, store.ErrQuota) { // somebody took the last of it since
		_, gone := s.DB.Wish(ctx, p, row.ID, store.WantGone)
		s.Engine.Poke()
		return row, errors.Join(err, gone)
	}
	if err != nil {
		return row, err
	}
	s.wake(ctx, store.WantRunning)
	return row, nil
}

// checkRequest fills defaults and refuses what cannot be launched.
func (s *server) checkRequest(c echo.Context, name string, req *launch.Request) error {
	if err := s.checkLaunch(c, req); err != nil {
		return err
	}
	return s.checkSource(c.Request().Context(), principal(c), name, &req.Source)
}

// checkLaunch does so without asking a remote.
func (s *server) checkLaunch(c echo.Context, req *launch.Request) error {
	if req.Source.Type == "" {
		req.Source.Type = "git"
	}
	if req.Agent == "" {
		req.Agent = s.agentFor(req.Model)
	}
	if err := s.checkMachine(c, *req); err != nil {
		return err
	}
	if err := s.Launch.Validate(*req); err != nil {
		return unfit(err, req.Source)
	}
	err := s.Launch.CheckSecrets(c.Request().Context(), principal(c), *req)
	if field := (*launch.FieldError)(nil); errors.As(err, &field) {
		return unfit(err, req.Source)
	}
	return err
}

func (s *server) getSession(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.view(c, row))
}

// sessionPatch changes what it names.
type sessionPatch struct {
	Name   *string `json:"name,omitempty"`
	Model  *string `json:"model,omitempty"`
	Branch *string `json:"branch,omitempty"`
	Issue  *string `json:"tracker_issue_id,omitempty"`
	// TimeToLive of this and later runs: of one that runs, from now on.
	TimeToLive *string `json:"time_to_live,omitempty"`
	// Extend is how much longer, as in 2h, what runs now lives than it would.
	Extend string `json:"extend,omitempty"`
}

// patchSession changes what is only a record, the name and the model of the
// next start, and how long a session runs.
func (s *server) patchSession(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	var in sessionPatch
	if err := decode(c, &in); err != nil {
		return err
	}
	extend := in.Extend
	if in.Extend = ""; in != (sessionPatch{}) {
		row, err = s.patched(c, row, in)
	}
	if err == nil && extend != "" { // last: doing it again would give more
		row, err = s.extend(c, row, extend)
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.view(c, row))
}

func (s *server) patched(c echo.Context, row store.Session, in sessionPatch) (store.Session, error) {
	var patch store.SessionPatch
	if in.Name != nil {
		name, err := checkName(*in.Name)
		if err != nil {
			return row, err
		}
		patch.Name = &name
	}
	if in.Model != nil && *in.Model == "" {
		return row, invalid(fieldError{Type: "string_too_short", Loc: []any{"body", "model"}, Msg: "String should have at least 1 character", Input: ""})
	}
	if in.TimeToLive != nil { // what is no life is told below
		if life, ok := launch.Life(*in.TimeToLive); ok {
			patch.Life = &life
		}
	}
	row, err := s.rewritten(c, row, patch, func(req launch.Request) (launch.Request, error) {
		if in.Model != nil {
			req.Model = *in.Model
		}
		if in.Branch != nil && req.Source.Type == "git" {
			req.Source.Branch = *in.Branch
		}
		if in.Issue != nil {
			req.IssueID = *in.Issue
		}
		if in.TimeToLive != nil {
			req.TimeToLive = *in.TimeToLive
		}
		if err := s.Launch.Validate(req); err != nil {
			return req, unfit(err, req.Source)
		}
		return req, nil
	})
	if err == nil {
		s.Engine.Poke() // it may run for longer, or shorter
	}
	return row, err
}

// rewritten changes a session, and its launch request by change: again, from what
// it is then, where somebody else changed it meanwhile.
func (s *server) rewritten(c echo.Context, row store.Session, patch store.SessionPatch, change func(launch.Request) (launch.Request, error)) (store.Session, error) {
	ctx, of := c.Request().Context(), principal(c)
	for {
		var req launch.Request
		err := json.Unmarshal(row.Request, &req)
		if err == nil {
			req, err = change(req)
		}
		if err == nil {
			patch.Was = row.Request
			patch.Request, err = json.Marshal(req)
		}
		if err != nil {
			return row, err
		}
		now, err := s.DB.PatchSession(ctx, of, row.ID, patch)
		if !errors.Is(err, store.ErrStale) {
			return now, err
		}
		if row, err = s.DB.Session(ctx, of, row.ID); err != nil {
			return row, err
		}
	}
}

// extend has a session live longer than it would.
func (s *server) extend(c echo.Context, row store.Session, by string) (store.Session, error) {
	d, ok := launch.Life(by)
	if !ok || d == 0 {
		return row, invalid(fieldError{Type: "value_error", Loc: []any{"body", "extend"}, Input: by,
			Msg: "How much longer is written as 90m, 8h or 2d, of a minute at least and 365 days at most."})
	}
	row, err := s.DB.ExtendSession(c.Request().Context(), principal(c), row.ID, d)
	if err == nil {
		s.Engine.Poke()
	}
	return row, err
}

// postExtend is the button of the session's page.
func (s *server) postExtend(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	if _, err := s.extend(c, row, c.FormValue("extend")); err != nil {
		return err
	}
	if c.FormValue("from") == "inbox" {
		return done(c, "/")
	}
	return done(c, "/sessions/"+row.ID)
}
