package daemon

import (
	"encoding/json"

	"path/filepath"

	"volundr/daemon/config"
	"volundr/daemon/template"
)

// library is where templates, profiles and session definition are written.
func library(cfg config.Config) *template.Library {
	return template.New(filepath.Dir(cfg.Paths.Config))
}

// Lint reads them and says what is wrong, a line each.
func Lint(cfg config.Config) (files int, problems []string, err error) {
	files, found, err := library(cfg).Lint()
	for _, p := range found {
		problems = append(problems, p.String())
	}
	return files, problems, err
}

// Session reads a session's YAML, as the page of a new session shows it, and
// gives it as the body of POST /sessions, or what is wrong with it, each as
// ":line: …".
func Session(text []byte) (raw []byte, problems []string, err error) {
	l, found := template.ParseLaunch(text)
	for _, p := range found {
		problems = append(problems, p.String())
	}
	if len(problems) > 0 {
		return nil, problems, nil
	}
	raw, err = json.Marshal(l)
	return raw, nil, err
}
