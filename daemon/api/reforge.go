package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/daemon/chronicle"
	"volundr/daemon/launch"
	"volundr/store"
	"volundr/ui/client"
)

// reforge makes a new session that goes on where a chronicle ends, or at a
// checkpoint, and starts it.
func (s *server) reforge(c echo.Context) error {
	var in client.Reforge
	if err := decode(c, &in); err != nil {
		return err
	}
	row, err := s.reforged(c, in)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.view(c, row))
}

func (s *server) reforged(c echo.Context, in client.Reforge) (store.Session, error) {
	ctx, p := c.Request().Context(), principal(c)
	from, err := s.chronicleOf(ctx, p, c.Param("id"))
	if err != nil {
		return store.Session{}, err
	}
	req, err := s.again(ctx, from, in)
	if err != nil {
		return store.Session{}, err
	}
	if in.Name == "" {
		if in.Name, err = s.nextName(ctx, p, from.Name); err != nil {
			return store.Session{}, err
		}
	}
	name, err := checkName(in.Name)
	if err != nil {
		return store.Session{}, err
	}
	on, err := s.reforgedOn(ctx, from, in.Runtime)
	if err != nil {
		return store.Session{}, err
	}
	if err := s.checkPlace(on, req.Source); err != nil {
		return store.Session{}, err
	}
	// A reforged session does not clone: its remote need not answer.
	if err := s.checkLaunch(c, &req); err != nil { // before much is packed in vain
		return store.Session{}, err
	}
	begin, release, err := s.Chronicles.Reforge(ctx, chronicle.Order{Chronicle: from, Checkpoint: in.Checkpoint, Agent: req.Agent, For: p})
	defer release()
	if err != nil {
		return store.Session{}, err
	}
	req.From = &launch.From{Chronicle: from.ID, Checkpoint: in.Checkpoint, Workspace: begin.Workspace, Context: begin.Context, Briefing: begin.Briefing}
	return s.launch(c, uuid.NewString(), name, on, req)
}

// reforgedOn is the runtime that is asked for, else the one on which a
// chronicle's session lives.
func (s *server) reforgedOn(ctx context.Context, from store.Chronicle, asked string) (string, error) {
	if asked != "" {
		return s.runtimeOf(asked)
	}
	row, err := s.DB.SystemSession(ctx, from.SessionID)
	if err != nil && !isNotFound(err) {
		return "", err
	}
	if _, here := s.Runtimes[row.Runtime]; here {
		return row.Runtime, nil
	}
	return s.Default, nil
}

// chronicleOf gives the chronicle of an id, or the last one of the session that
// has it.
func (s *server) chronicleOf(ctx context.Context, p store.Principal, id string) (store.Chronicle, error) {
	row, err := s.DB.Chronicle(ctx, p, id)
	if !isNotFound(err) {
		return row, err
	}
	all, err := s.DB.Chronicles(ctx, p, store.ChronicleFilter{SessionID: id, Limit: 1})
	if err == nil && len(all) == 0 {
		err = fail(http.StatusNotFound, "Chronicle not found: %s", id)
	}
	if err != nil {
		return store.Chronicle{}, err
	}
	return all[0], nil
}

// again is the launch request of a chronicle's session, for another one that
// goes on with its work: what was asked first is not asked again. Where only the
// chronicle tells of it, values that it does not hold are left out.
func (s *server) again(ctx context.Context, from store.Chronicle, in client.Reforge) (req launch.Request, err error) {
	raw := from.Config
	if row, err := s.DB.SystemSession(ctx, from.SessionID); err == nil {
		raw = row.Request
	} else if !isNotFound(err) {
		return req, err
	}
	if err := json.Unmarshal(raw, &req); err != nil {
		return req, fmt.Errorf("the launch request of chronicle %s: %w", from.ID, err)
	}
	for name, value := range req.Env {
		if value == chronicle.Redacted {
			delete(req.Env, name)
		}
	}
	req.InitialPrompt, req.From = "", nil
	if in.Agent != "" && in.Agent != req.Agent {
		req.Agent, req.Model, req.Mode, req.Command = in.Agent, "", "", in.Command
	}
	if in.Model != "" {
		req.Model = in.Model
	}
	return req, nil
}

var numbered = regexp.MustCompile(`-\d{1,6}$`)

// nextName gives "<name>-2", or the next number that no session of p's has.
func (s *server) nextName(ctx context.Context, p store.Principal, name string) (string, error) {
	taken, err := s.DB.SessionNames(ctx, p)
	if err != nil {
		return "", err
	}
	return next(name, taken), nil
}

func next(name string, taken map[string]bool) string {
	base := numbered.ReplaceAllString(name, "")
	if !sessionName.MatchString(base) {
		base = "session"
	}
	for n := 2; ; n++ {
		end := fmt.Sprintf("-%d", n)
		try := strings.TrimRight(base[:min(len(base), 63-len(end))], "-") + end
		if !taken[try] {
			return try
		}
	}
}
