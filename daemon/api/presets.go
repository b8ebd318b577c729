package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/daemon/template"
	"volundr/store"
	"volundr/ui/client"
)

func (s *server) presetRoutes(g *echo.Group) {
	g.GET("/presets", s.listPresets)
	g.POST("/presets", s.addPreset)
	g.GET("/presets/:id", s.getPreset)
	g.PUT("/presets/:id", s.changePreset)
	g.DELETE("/presets/:id", s.deletePreset)
}

func (s *server) listPresets(c echo.Context) error {
	all, err := s.presets(c)
	if err != nil {
		return err
	}
	tool, isDefault := agentOf(c.QueryParam("cli_tool")), c.QueryParam("is_default")
	out := []client.Preset{}
	for _, p := range all {
		if (tool == "" || p.CLITool == tool) && (isDefault == "" || p.IsDefault == (isDefault == "true")) {
			out = append(out, p)
		}
	}
	return c.JSON(http.StatusOK, out)
}

// presets are the caller's, and those that an admin shares.
func (s *server) presets(c echo.Context) ([]client.Preset, error) {
	rows, err := s.DB.Presets(c.Request().Context(), principal(c))
	if err != nil {
		return nil, err
	}
	out := make([]client.Preset, len(rows))
	for i, row := range rows {
		out[i] = presetView(row)
	}
	return out, nil
}

func (s *server) getPreset(c echo.Context) error {
	row, err := s.DB.Preset(c.Request().Context(), principal(c), c.Param("id"))
	if err != nil {
		return noPreset(c.Param("id"), err)
	}
	return c.JSON(http.StatusOK, presetView(row))
}

func (s *server) addPreset(c echo.Context) error {
	var in client.PresetSave
	if err := decode(c, &in); err != nil {
		return err
	}
	row, err := presetOf(store.Preset{Request: json.RawMessage(`{}`)}, in)
	if err != nil {
		return err
	}
	if row, err = s.keepPreset(c, row); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, presetView(row))
}

// keepPreset stores a new preset, or says that its name is taken.
func (s *server) keepPreset(c echo.Context, row store.Preset) (store.Preset, error) {
	out, err := s.DB.AddPreset(c.Request().Context(), principal(c), row)
	return out, takenName(row.Name, err)
}

func takenName(name string, err error) error {
	if errors.Is(err, store.ErrConflict) {
		return fail(http.StatusConflict, "Preset with name already exists: %s", name)
	}
	return err
}

// changePreset changes what the body says, as the contract has it.
func (s *server) changePreset(c echo.Context) error {
	var in client.PresetSave
	if err := decode(c, &in); err != nil {
		return err
	}
	var name string
	row, err := s.DB.ChangePreset(c.Request().Context(), principal(c), c.Param("id"), func(was store.Preset) (store.Preset, error) {
		is, err := presetOf(was, in)
		name = is.Name
		return is, err
	})
	if err != nil {
		return s.notTheirs(c, c.Param("id"), takenName(name, err))
	}
	return c.JSON(http.StatusOK, presetView(row))
}

func (s *server) deletePreset(c echo.Context) error {
	if err := s.DB.DeletePreset(c.Request().Context(), principal(c), c.Param("id")); err != nil {
		return s.notTheirs(c, c.Param("id"), err)
	}
	return c.NoContent(http.StatusNoContent)
}

func noPreset(id string, err error) error {
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Preset not found: %s", id)
	}
	return err
}

// notTheirs is noPreset; who sees a shared preset is told whose it is to change.
func (s *server) notTheirs(c echo.Context, id string, err error) error {
	if isNotFound(err) {
		if _, e := s.DB.Preset(c.Request().Context(), principal(c), id); e == nil {
			return fail(http.StatusForbidden, "This preset is shared with everybody, and an admin's to change. Keep one of your own instead.")
		}
	}
	return noPreset(id, err)
}

// agentOf is the agent that a client of the contract means by its tool.
func agentOf(tool string) string {
	if tool == "claude-code" {
		return "claude"
	}
	return tool
}

// presetOf is a preset with what a client says of it. What nothing here would
// bring into a session is refused.
func presetOf(p store.Preset, in client.PresetSave) (store.Preset, error) {
	bad := func(kind, field, msg string) (store.Preset, error) {
		return p, invalid(fieldError{Type: kind, Loc: []any{"body", field}, Msg: msg})
	}
	for field, n := range map[string]int{"terminal_sidecar": len(in.TerminalSidecar), "skills": len(in.Skills),
		"rules": len(in.Rules), "env_secret_refs": len(in.EnvSecretRefs), "workload_config": len(in.WorkloadConfig)} {
		if n > 0 {
			return bad("value_error", field, fmt.Sprintf("Sessions of this version get nothing of %s: leave it out.", field))
		}
	}
	if t := client.Deref(in.WorkloadType); t != "" && t != "session" {
		return bad("value_error", "workload_type", "Only the workload type session exists here.")
	}
	set(&p.Name, in.Name)
	set(&p.Description, in.Description)
	set(&p.Default, in.IsDefault)
	switch n := utf8.RuneCountInString(p.Name); {
	case in.Name == nil && n == 0:
		return bad("missing", "name", "Field required")
	case n == 0:
		return bad("string_too_short", "name", "String should have at least 1 character")
	case n > 255:
		return bad("string_too_long", "name", "String should have at most 255 characters")
	case utf8.RuneCountInString(p.Description) > 1000:
		return bad("string_too_long", "description", "String should have at most 1000 characters")
	}
	text := p.Request
	if len(in.Request) > 0 {
		text = in.Request
	}
	var r launch.Request
	if err := json.Unmarshal(text, &r); err != nil {
		return bad("value_error", "request", fmt.Sprintf("This is not a launch request: %s.", err))
	}
	set(&r.Model, in.Model)
	set(&r.SystemPrompt, in.SystemPrompt)
	set(&r.Resources, in.ResourceConfig)
	set(&r.Env, in.EnvVars)
	set(&r.IntegrationIDs, in.IntegrationIDs)
	set(&r.Setup, in.SetupScripts)
	if len(in.MCPServers) > 0 {
		var err error
		if r.MCP, err = serversOf(in.MCPServers); err != nil {
			return p, err
		}
	}
	if tool := agentOf(client.Deref(in.CLITool)); tool != "" {
		r.Agent = tool
	}
	if in.Source != nil {
		r.Source = requestOf(client.SessionCreate{Source: in.Source}).Source
	}
	return presetFrom(p, r)
}

// presetFrom puts a request into a preset, without what belongs to one session.
func presetFrom(p store.Preset, r launch.Request) (store.Preset, error) {
	r.PresetID, r.WorkspaceID, r.IssueID, r.IssueURL, r.From, r.Definition = "", "", "", "", nil, nil
	if err := template.Check(r); err != nil {
		return p, unfit(err, r.Source)
	}
	raw, err := json.Marshal(r)
	p.Agent, p.Request = r.Agent, raw
	return p, err
}

func set[T any](to *T, say *T) {
	if say != nil {
		*to = *say
	}
}

// presetView is a preset as the contract has it.
func presetView(p store.Preset) client.Preset {
	var r launch.Request
	_ = json.Unmarshal(p.Request, &r) // what was stored is one; an odd one shows empty
	v := client.Preset{ID: p.ID, Name: p.Name, Description: p.Description, IsDefault: p.Default, CLITool: p.Agent, WorkloadType: "session",
		Model: orNil(r.Model), SystemPrompt: orNil(r.SystemPrompt), ResourceConfig: map[string]any{}, MCPServers: serverViews(r.MCP),
		TerminalSidecar: map[string]any{}, Skills: []any{}, Rules: []any{}, EnvVars: map[string]any{}, EnvSecretRefs: []string{},
		IntegrationIDs: append([]string{}, r.IntegrationIDs...), SetupScripts: append([]string{}, r.Setup...), WorkloadConfig: map[string]any{},
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Shared: p.Shared}
	if v.CLITool == "" {
		v.CLITool = "claude" // as of a session that names none
	}
	for k, value := range r.Resources {
		v.ResourceConfig[k] = value
	}
	for k, value := range r.Env {
		v.EnvVars[k] = value
	}
	in := createOf("", r)
	if r.Source.Type != "" {
		v.Source = in.Source
	}
	if raw, err := json.Marshal(in); err == nil {
		v.Request = raw
	}
	return v
}
