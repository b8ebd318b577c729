package daemon

import (
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
