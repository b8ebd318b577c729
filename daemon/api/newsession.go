package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/daemon/source"
	"volundr/daemon/template"
	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

// newSession is the form. "?template=", "?profile=" fill it from the files of
// these names, "?preset=<id>" from the caller's preset, "?again=<id>" as that session was launched.
func (s *server) newSession(c echo.Context) error {
	p := ui.NewPage{}
	var req launch.Request
	var err error
	name := c.QueryParam("template")
	if id := c.QueryParam("again"); id != "" {
		name, req, err = s.likeSession(c, id)
	} else {
		req, err = s.resolve(c, launch.Request{TemplateName: name, ProfileName: c.QueryParam("profile"), PresetID: c.QueryParam("preset")})
	}
	if err != nil {
		status, detail, known := answer(err)
		if !known || status == http.StatusNotFound {
			return err
		}
		p.Take(asClientError(status, detail))
		req, name = launch.Request{}, ""
	}
	p.Form = ui.FormOf(createOf("", withDefaults(req)))
	if p.Form.Name, err = s.freeName(c, name); err != nil {
		return err
	}
	return s.form(c, http.StatusOK, p)
}

// withDefaults fills what the form shows as chosen.
func withDefaults(r launch.Request) launch.Request {
	if r.Agent == "" && r.Model == "" {
		r.Agent = "claude"
	}
	if r.Network == "" {
		r.Network = "open"
	}
	return r
}

// likeSession is the request that a session of the caller was launched by, for
// another one.
func (s *server) likeSession(c echo.Context, id string) (name string, req launch.Request, err error) {
	row, err := s.DB.Session(c.Request().Context(), principal(c), id)
	if isNotFound(err) {
		return "", req, fail(http.StatusNotFound, "Session not found: %s", id)
	}
	if err == nil {
		err = json.Unmarshal(row.Request, &req)
	}
	req.From, req.Definition = nil, nil
	if s.Sources.Owned(row.Name, req.Source.Branch, req.Source.BaseBranch) {
		req.Source.Branch = "" // it gets one of its own again
	}
	for i, m := range req.Source.Additional {
		if s.Sources.Owned(row.Name, m.Branch, m.BaseBranch) {
			req.Source.Additional[i].Branch = ""
		}
	}
	if _, here := s.Runtimes[row.Runtime]; here && row.Runtime != s.Default {
		req.Runtime = row.Runtime
	}
	return row.Name, req, err
}

// freeName is a name that no session of the caller has: one like that of what
// it is made from, where there is such.
func (s *server) freeName(c echo.Context, like string) (string, error) {
	taken, err := s.DB.SessionNames(c.Request().Context(), principal(c))
	if err != nil {
		return "", err
	}
	like = strings.ToLower(like)
	switch {
	case like == "" || !sessionName.MatchString(like):
		return suggest(taken), nil
	case !taken[like]:
		return like, nil
	}
	return next(like, taken), nil
}

// begin makes a session from a template without asking anything more.
func (s *server) begin(c echo.Context) error {
	called := c.FormValue("template")
	var name string
	req, err := s.resolve(c, launch.Request{TemplateName: called})
	if err == nil {
		name, err = s.freeName(c, called)
	}
	if err == nil {
		var row store.Session
		if row, err = s.create(c, name, req, verdict{}); err == nil {
			return c.Redirect(http.StatusSeeOther, "/sessions/"+row.ID)
		}
	}
	return s.refuse(c, err, ui.NewPage{Form: ui.FormOf(createOf(name, withDefaults(req)))})
}

// refuse shows beside its fields why a session cannot be made.
func (s *server) refuse(c echo.Context, err error, p ui.NewPage) error {
	status, detail, known := answer(err)
	if !known {
		return err
	}
	if p.Definition = definitionOf(err); p.Definition == nil {
		p.Take(asClientError(status, detail))
	}
	return s.form(c, status, p)
}

// saidIn is what a form says to the definition that it showed.
func saidIn(posted url.Values) verdict {
	return verdict{Trust: posted.Get("trust_repository"), Decline: posted.Get("decline_repository"), Without: posted.Get("without_definition") != ""}
}

// begins are the templates or profiles that are there, the default first; none
// where the files cannot be read, which lint and doctor say.
func (s *server) begins(kind template.Kind) []client.Template {
	all, err := s.Templates.List(kind)
	if err != nil {
		s.Log.Warn("Templates cannot be read", "error", err)
	}
	var first, rest []client.Template
	for _, e := range all {
		if e.Default {
			first = append(first, templateView(e))
		} else {
			rest = append(rest, templateView(e))
		}
	}
	return append(first, rest...)
}

func (s *server) form(c echo.Context, status int, p ui.NewPage) error {
	p.Shell, p.Models, p.Places = s.shell(c, "New session"), s.Models, s.places(s.Default)
	p.Submission = uuid.NewString()
	var err error
	if p.Presets, err = s.presets(c); err != nil {
		return err
	}
	p.Templates, p.Profiles = s.begins(template.Template), s.begins(template.Profile)

	if p.Stored, err = s.stored(c); err != nil {
		return err
	}
	if p.Connected, err = s.connected(c); err != nil {
		return err
	}
	if p.Repos, err = s.usedRepos(c); err != nil {
		return err
	}
	return html(c, status, ui.NewSessionPage(p))
}

// usedRepos are the repositories of the caller's latest sessions.
func (s *server) usedRepos(c echo.Context) (repos []string, err error) {
	rows, err := s.DB.Sessions(c.Request().Context(), principal(c), store.SessionFilter{IncludeArchived: true, Limit: 200})
	seen := map[string]bool{"": true}
	for _, row := range rows {
		if v := s.view(c, row); v.Source.Type == client.SourceGit && !seen[v.Repo] {
			seen[v.Repo] = true
			repos = append(repos, v.Repo)
		}
	}
	return repos, err
}

// postNewSession takes the form, or the same as YAML, and shows the one as the
// other where that is asked for. What stands there is the whole session: its
// template was laid under it when the form was filled.
func (s *server) postNewSession(c echo.Context) error {
	posted, err := postForm(c)
	if err != nil {
		return err
	}
	if posted.Get("text") != "" {
		return s.postText(c)
	}
	p := ui.NewPage{Form: ui.ReadForm(posted)}
	if posted.Get("view") == "repository" || posted.Get("leave_out") != "" { // without a script
		if posted.Get("leave_out") == "" {
			p.Form.More = append(p.Form.More, ui.Another{})
		}
		return s.form(c, http.StatusOK, p)
	}
	in, problems := p.Form.Create()
	if posted.Get("view") == "yaml" {
		return s.asText(c, in.Name, requestOf(in))
	}
	if posted.Get("view") == "preset" {
		return s.savePreset(c, p, requestOf(in), problems)
	}
	if len(problems) > 0 {
		p.Problems = problems
		return s.form(c, http.StatusUnprocessableEntity, p)
	}
	row, err := s.submitted(c, in.Name, requestOf(in))
	if err != nil {
		return s.refuse(c, err, p)
	}
	return c.Redirect(http.StatusSeeOther, "/sessions/"+row.ID)
}

// submitted is the session that the posted form makes. The same form with the
// same content, sent twice, makes one session: whoever clicks again gets to it.
func (s *server) submitted(c echo.Context, name string, req launch.Request) (store.Session, error) {
	posted, p := c.Request().PostForm, principal(c)
	id := uuid.NewString()
	if key, err := uuid.Parse(posted.Get("submission")); err == nil {
		id = uuid.NewSHA1(key, []byte(p.UserID+"?"+posted.Encode())).String()
	}
	made, err := s.DB.Session(c.Request().Context(), p, id)
	switch {
	case err == nil && made.Want != store.WantGone:
		return made, nil
	case err == nil:
		id = uuid.NewString()
	}
	row, err := s.createAs(c, id, name, req, saidIn(posted))
	if err != nil && row.ID == "" {
		if made, no := s.DB.Session(c.Request().Context(), p, id); no == nil { // meanwhile
			return made, nil
		}
	}
	return row, err
}

func (s *server) asText(c echo.Context, name string, req launch.Request) error {
	text, err := template.YAML(template.Launch{Name: name, Request: req})
	if err != nil {
		return err
	}
	return s.form(c, http.StatusOK, ui.NewPage{AsText: true, Text: string(text)})
}

// postText takes the YAML.
func (s *server) postText(c echo.Context) error {
	posted := c.Request().PostForm
	p := ui.NewPage{AsText: true, Text: typed(posted.Get("yaml"))}
	l, problems := template.ParseLaunch([]byte(p.Text))
	if len(problems) > 0 {
		p.Problems = map[string]string{"yaml": byLine(problems)}
		return s.form(c, http.StatusUnprocessableEntity, p)
	}
	switch posted.Get("view") {
	case "form":
		return s.form(c, http.StatusOK, ui.NewPage{Form: ui.FormOf(createOf(l.Name, withDefaults(l.Request)))})
	case "save":
		return s.saveText(c, p, l.Request)
	case "preset":
		return s.savePreset(c, p, l.Request, nil)
	}
	row, err := s.submitted(c, l.Name, l.Request)
	if err != nil {
		status, detail, known := answer(err)
		if !known {
			return err
		}
		if p.Definition = definitionOf(err); p.Definition == nil {
			p.Problems = map[string]string{"yaml": asClientError(status, detail).Sentences()}
		}
		return s.form(c, status, p)
	}
	return c.Redirect(http.StatusSeeOther, "/sessions/"+row.ID)
}

// saveText keeps what stands there as a new template.
func (s *server) saveText(c echo.Context, p ui.NewPage, req launch.Request) error {
	name := strings.TrimSpace(c.Request().PostForm.Get("save_as"))
	req.TemplateName, req.PresetID, req.WorkspaceID, req.IssueID, req.IssueURL = "", "", "", "", ""
	status := http.StatusOK
	if _, err := s.Templates.Save(template.Template, name, template.Definition{Request: req}, false); err != nil {
		status = http.StatusUnprocessableEntity
		p.Problems = map[string]string{"save_as": sentence(err.Error())}
	} else {
		p.Saved = "template " + name
	}
	return s.form(c, status, p)
}

// savePreset keeps what stands there as a preset of the caller's. It need not
// be whole: where to work may be left to who begins with it.
func (s *server) savePreset(c echo.Context, p ui.NewPage, req launch.Request, problems map[string]string) error {
	for _, open := range []string{"name", "repo", "local_path"} {
		delete(problems, open)
	}
	if req.Source.LocalPath == "" && len(req.Source.Paths) == 0 && req.Source.Type != source.Git {
		req.Source = launch.Source{}
	}
	name := strings.TrimSpace(c.Request().PostForm.Get("save_as"))
	if name == "" {
		problems = map[string]string{"save_as": "Give the preset a name."}
	}
	if p.Problems = problems; len(problems) > 0 {
		return s.form(c, http.StatusUnprocessableEntity, p)
	}
	req.TemplateName, req.ProfileName = "", "" // what they say stands here
	row, err := presetFrom(store.Preset{Name: name}, req)
	if err == nil {
		_, err = s.keepPreset(c, row)
	}
	if err == nil {
		p.Saved = "preset " + name
		return s.form(c, http.StatusOK, p)
	}
	status, detail, known := answer(err)
	if !known {
		return err
	}
	if status == http.StatusConflict {
		status = http.StatusUnprocessableEntity
		p.Problems = map[string]string{"save_as": "There is a preset of this name: choose another."}
	} else if p.AsText {
		p.Problems = map[string]string{"yaml": asClientError(status, detail).Sentences()}
	} else {
		p.Take(asClientError(status, detail))
	}
	return s.form(c, status, p)
}
