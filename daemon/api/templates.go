package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/daemon/source"
	"volundr/daemon/template"
	"volundr/store"
	"volundr/ui/client"
)

func (s *server) templateRoutes(g *echo.Group) {
	for kind, path := range map[template.Kind]string{template.Template: "/templates", template.Profile: "/profiles"} {
		g.GET(path, s.listTemplates(kind))
		g.GET(path+"/:name", s.getTemplate(kind))
		g.POST(path, s.saveTemplate(kind, false))
		g.PUT(path+"/:name", s.saveTemplate(kind, true))
		g.DELETE(path+"/:name", s.deleteTemplate(kind))
	}
}

// listTemplates: all of them are for sessions, so that another workload type
// has none.
func (s *server) listTemplates(kind template.Kind) echo.HandlerFunc {
	return func(c echo.Context) error {
		all, err := s.Templates.List(kind)
		if err != nil {
			return err
		}
		out := []client.Template{}
		if t := c.QueryParam("workload_type"); t != "" && t != "session" {
			return c.JSON(http.StatusOK, out)
		}
		if kind == template.Template {
			if _, err := s.Templates.Get(kind, template.Blank); errors.Is(err, fs.ErrNotExist) {
				out = append(out, templateView(blank()))
			}
		}
		for _, e := range all {
			out = append(out, templateView(e))
		}
		return c.JSON(http.StatusOK, out)
	}
}

// blank is built in: clients of the contract want one at least.
func blank() template.Entry {
	return template.Entry{Kind: template.Template, Name: template.Blank, Definition: template.Definition{Description: "Nothing but what you set"}}
}

func (s *server) getTemplate(kind template.Kind) echo.HandlerFunc {
	return func(c echo.Context) error {
		e, err := s.Templates.Get(kind, c.Param("name"))
		if errors.Is(err, fs.ErrNotExist) && kind == template.Template && c.Param("name") == template.Blank {
			e, err = blank(), nil
		}
		if err != nil {
			return noTemplate(kind, c.Param("name"), err)
		}
		return c.JSON(http.StatusOK, templateView(e))
	}
}

// noTemplate is err, or 404 where it says that there is none.
func noTemplate(kind template.Kind, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		word := map[template.Kind]string{template.Template: "Template", template.Profile: "Profile"}[kind]
		return fail(http.StatusNotFound, "%s not found: %s", word, name)
	}
	return err
}

// saveTemplate writes a file: a new one, or (over) in place of one, of which
// only what the body says is changed.
func (s *server) saveTemplate(kind template.Kind, over bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		var in client.TemplateSave
		if err := decode(c, &in); err != nil {
			return err
		}
		var was template.Entry
		if over {
			var err error
			if was, err = s.Templates.Get(kind, c.Param("name")); err != nil {
				return noTemplate(kind, c.Param("name"), err)
			}
			in.Name = was.Name
		}
		def, err := definition(in)
		if err != nil {
			return err
		}
		if over {
			def.Request = launch.Merge(was.Request, def.Request)
			if def.Description == "" {
				def.Description = was.Description
			}
			def.Default = def.Default || was.Default
		}
		if err := s.DB.Audit(c.Request().Context(), principal(c), store.ActTemplateSaved, string(kind)+"/"+cut(in.Name), nil); err != nil {
			return err
		}
		e, err := s.Templates.Save(kind, in.Name, def, over)
		var bad *template.Invalid
		switch {
		case errors.As(err, &bad):
			return fail(http.StatusBadRequest, "%s", sentence(bad.Error()))
		case errors.Is(err, template.ErrExists):
			return fail(http.StatusConflict, "There is a %s %q already: choose another name, or change its file.", strings.TrimSuffix(string(kind), "s"), in.Name)
		case err != nil:
			return err
		}
		status := http.StatusCreated
		if over {
			status = http.StatusOK
		}
		return c.JSON(status, templateView(e))
	}
}

func sentence(s string) string {
	s = strings.ToUpper(s[:1]) + s[1:]
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// definition is what the body of a client says.
func definition(in client.TemplateSave) (def template.Definition, err error) {
	bad := func(field, msg string) error {
		return invalid(fieldError{Type: "value_error", Loc: []any{"body", field}, Msg: msg})
	}
	switch {
	case in.Name == "":
		return def, invalid(fieldError{Type: "missing", Loc: []any{"body", "name"}, Msg: "Field required"})
	case in.WorkloadType != "" && in.WorkloadType != "session":
		return def, bad("workload_type", "Only the workload type session exists here.")
	}
	r := launch.Request{Model: in.Model, SystemPrompt: in.SystemPrompt, Setup: in.SetupScripts, Env: in.EnvVars, Resources: in.ResourceConfig, ProfileName: in.ProfileName,
		SecretRefs: in.EnvSecretRefs}
	if r.MCP, err = serversOf(in.MCPServers); err != nil {
		return def, err
	}
	for i, raw := range in.Repos {
		repo, err := repository(raw)
		if err != nil {
			return def, bad("repos", "A repository is its URL, or an object with url and branch.")
		}
		if i == 0 {
			r.Source = launch.Source{Type: source.Git, Repo: repo.URL, Branch: repo.Branch, BaseBranch: repo.BaseBranch, Folder: repo.Folder}
			continue
		}
		r.Source.Additional = append(r.Source.Additional, source.Additional{Repo: repo.URL, Branch: repo.Branch, BaseBranch: repo.BaseBranch, Folder: repo.Folder})
	}
	if len(in.Request) > 0 {
		var more launch.Request
		if err := json.Unmarshal(in.Request, &more); err != nil {
			return def, bad("request", fmt.Sprintf("This is not a launch request: %s.", err))
		}
		r = launch.Merge(r, more)
	}
	r.TemplateName, r.PresetID, r.WorkspaceID, r.IssueID, r.IssueURL, r.From, r.Definition = "", "", "", "", "", nil, nil
	return template.Definition{Description: in.Description, Default: in.IsDefault, Request: r}, nil
}

func repository(raw json.RawMessage) (r client.TemplateRepo, err error) {
	if json.Unmarshal(raw, &r.URL) == nil {
		return r, nil
	}
	var all struct {
		client.TemplateRepo
		Repo string `json:"repo"`
	}
	err = json.Unmarshal(raw, &all)
	r = all.TemplateRepo
	if r.URL == "" {
		r.URL = all.Repo
	}
	return r, err
}

func (s *server) deleteTemplate(kind template.Kind) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := s.DB.Audit(c.Request().Context(), principal(c), store.ActTemplateDeleted, string(kind)+"/"+cut(c.Param("name")), nil); err != nil {
			return err
		}
		if err := s.Templates.Delete(kind, c.Param("name")); err != nil {
			return noTemplate(kind, c.Param("name"), err)
		}
		return c.NoContent(http.StatusNoContent)
	}
}

// templateView is an entry as the contract has it.
func templateView(e template.Entry) client.Template {
	v := client.Template{
		Name: e.Name, Description: e.Description, Repos: []client.TemplateRepo{}, SetupScripts: []string{}, WorkspaceLayout: map[string]any{},
		IsDefault: e.Default, WorkloadType: "session", Model: some(e.Model), SystemPrompt: some(e.SystemPrompt), ResourceConfig: map[string]any{},
		MCPServers: serverViews(e.MCP), EnvVars: map[string]any{}, EnvSecretRefs: []string{}, WorkloadConfig: map[string]any{},
		ProfileName: e.ProfileName, Problems: []string{}, File: e.File,
	}
	if e.Source.Repo != "" {
		v.Repos = append(v.Repos, client.TemplateRepo{URL: e.Source.Repo, Branch: e.Source.Branch, BaseBranch: e.Source.BaseBranch, Folder: e.Source.Folder})
	}
	for _, m := range e.Source.Additional {
		v.Repos = append(v.Repos, client.TemplateRepo{URL: m.Repo, Branch: m.Branch, BaseBranch: m.BaseBranch, Folder: m.Folder})
	}
	v.SetupScripts = append(v.SetupScripts, e.Setup...)
	v.EnvSecretRefs = append(v.EnvSecretRefs, e.SecretRefs...)
	for k, value := range e.Resources {
		v.ResourceConfig[k] = value
	}
	for k, value := range e.Env {
		v.EnvVars[k] = value
	}
	for _, p := range e.Problems {
		v.Problems = append(v.Problems, p.String())
	}
	raw, err := json.Marshal(createOf("", e.Request))
	if err == nil {
		v.Request = raw
	}
	return v
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
