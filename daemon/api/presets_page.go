package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/daemon/template"
	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

// presetsPage is GET /presets: "?edit=<id>" fills the form with one.
func (s *server) presetsPage(c echo.Context) error {
	p := ui.PresetsPage{Done: doneText(c)}
	if id := c.QueryParam("edit"); id != "" {
		row, err := s.DB.Preset(c.Request().Context(), principal(c), id)
		if err != nil {
			return noPreset(id, err)
		}
		var r launch.Request
		if err := json.Unmarshal(row.Request, &r); err != nil {
			return err
		}
		text, err := template.YAML(r)
		if err != nil {
			return err
		}
		p.Form = ui.PresetForm{ID: row.ID, Name: row.Name, Description: row.Description, Default: row.Default, YAML: plainYAML(text)}
	}
	return s.showPresets(c, http.StatusOK, p)
}

// plainYAML is a YAML text for people: nothing in place of an empty mapping.
func plainYAML(text []byte) string {
	if strings.TrimSpace(string(text)) == "{}" {
		return ""
	}
	return string(text)
}

func (s *server) showPresets(c echo.Context, status int, p ui.PresetsPage) (err error) {
	p.Shell = s.shell(c, "Presets")
	if p.Presets, err = s.presets(c); err != nil {
		return err
	}
	if p.Sharing, err = s.sharing(c); err != nil {
		return err
	}
	return html(c, status, ui.Presets(p))
}

// postPreset keeps what the form says: a new preset, or in place of one.
func (s *server) postPreset(c echo.Context) error {
	posted, err := postForm(c)
	if err != nil {
		return err
	}
	p := ui.PresetsPage{Form: ui.PresetForm{ID: posted.Get("id"), Name: strings.TrimSpace(posted.Get("name")), Description: strings.TrimSpace(posted.Get("description")),
		Default: posted.Get("is_default") != "", YAML: typed(posted.Get("yaml"))}}
	err = s.savePresetForm(c, p.Form)
	var lines *yamlError
	if errors.As(err, &lines) {
		p.Problems = map[string]string{"yaml": lines.text}
		return s.showPresets(c, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		status, detail, known := answer(err)
		if !known || status == http.StatusNotFound {
			return err
		}
		if status == http.StatusConflict {
			status, p.Problems = http.StatusUnprocessableEntity, map[string]string{"name": "There is a preset of this name: choose another."}
		} else {
			p.Problems = ui.Problems(asClientError(status, detail), "name", "description")
		}
		return s.showPresets(c, status, p)
	}
	return c.Redirect(http.StatusSeeOther, "/presets?done=saved")
}

// yamlError is what is wrong with a text, line by line.
type yamlError struct{ text string }

func (e *yamlError) Error() string { return e.text }

func (s *server) savePresetForm(c echo.Context, f ui.PresetForm) error {
	l, problems := template.ParseLaunch([]byte(f.YAML))
	if l.Name != "" {
		problems = append(problems, template.Problem{Line: 1, Msg: "a preset names no session: take the key name out"})
	}
	if len(problems) > 0 {
		return &yamlError{byLine(problems)}
	}
	raw, err := json.Marshal(l.Request)
	if err != nil {
		return err
	}
	in := client.PresetSave{Name: &f.Name, Description: &f.Description, IsDefault: &f.Default, Request: raw}
	if f.ID == "" {
		row, err := presetOf(store.Preset{}, in)
		if err == nil {
			_, err = s.keepPreset(c, row)
		}
		return err
	}
	_, err = s.DB.ChangePreset(c.Request().Context(), principal(c), f.ID, func(was store.Preset) (store.Preset, error) { return presetOf(was, in) })
	return s.notTheirs(c, f.ID, err)
}

// byLine are problems of a text, a line each.
func byLine(problems []template.Problem) string {
	var lines []string
	for _, problem := range problems {
		lines = append(lines, fmt.Sprintf("Line %d: %s.", problem.Line, strings.TrimSuffix(problem.Msg, ".")))
	}
	return strings.Join(lines, "\n")
}

func (s *server) postDeletePreset(c echo.Context) error {
	if err := s.DB.DeletePreset(c.Request().Context(), principal(c), c.Param("id")); err != nil {
		return s.notTheirs(c, c.Param("id"), err)
	}
	return c.Redirect(http.StatusSeeOther, "/presets?done=deleted")
}
