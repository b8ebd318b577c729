package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/daemon/source"
	"volundr/daemon/template"
	"volundr/store"
	"volundr/ui/client"
)

// verdict is what a request says to the definition that its repository brings.
type verdict struct {
	// Trust is the hash of the content that was shown and is to be used, from now
	// on without asking.
	Trust string `json:"trust_repository"`
	// Without leaves it out this once, whatever it is.
	Without bool `json:"without_definition"`
	// Decline is the hash of what was shown and is to be left out from now on.
	Decline string `json:"-"`
}

// withDefinition lays a request over what its repository brings, which is read
// here and never again: restarts and reforges have it from the stored request.
// What its user has not confirmed is a 409 that carries it in full.
func (s *server) withDefinition(c echo.Context, req launch.Request, say verdict) (launch.Request, error) {
	if say.Without {
		return req, nil
	}
	ctx, p, src := c.Request().Context(), principal(c), req.Source
	read, err := s.Sources.Definition(ctx, p, src.Type, src.Repo, src.Branch, src.BaseBranch, src.LocalPath)
	repository := plainRepo(repoOf(src))
	if no := (*source.UnreadError)(nil); errors.As(err, &no) {
		return req, unconfirmed(client.Definition{Repository: repository, Prompts: []client.DefinitionPrompt{}, Problems: []string{no.Why}}, false)
	}
	if err != nil {
		return req, unfit(err, src)
	}
	brought := template.OfRepository(read)
	if brought == nil {
		if say.Trust != "" {
			return req, invalid(fieldError{Type: "value_error", Loc: []any{"body", "trust_repository"}, Input: say.Trust,
				Msg: fmt.Sprintf("The repository %s brings no session definition: leave trust_repository out.", repository)})
		}
		return req, nil
	}
	usable := len(brought.Problems) == 0
	switch kept, err := s.DB.Trusted(ctx, p, repository, brought.Hash); {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return req, err
	case say.Decline == brought.Hash:
		_, err := s.DB.Trust(ctx, p, repository, brought.Hash, false)
		return req, err
	case say.Trust == brought.Hash && usable:
		if _, err := s.DB.Trust(ctx, p, repository, brought.Hash, true); err != nil {
			return req, err
		}
	case say.Trust+say.Decline != "" || err != nil || kept.Used && !usable:
		return req, unconfirmed(definitionView(repository, brought), say.Trust+say.Decline != "")
	case !kept.Used:
		return req, nil
	}
	req = launch.Merge(brought.Request, req)
	err = s.checkLaunch(c, &req)
	return req, err
}

// unconfirmed is the refusal of a session whose repository brings a definition
// that its user has not confirmed. again: they answered to another one.
func unconfirmed(d client.Definition, again bool) error {
	p := problem{status: http.StatusConflict, definition: &d}
	how := fmt.Sprintf("read it below, and create the session with trust_repository %s to use it, or with without_definition to go without", d.Hash)
	switch {
	case d.Hash == "":
		p.detail = fmt.Sprintf("The session definition of the repository %s could not be read: %s. Mend that or try again, or create the session with without_definition.", d.Repository, d.Problems[0])
	case len(d.Problems) > 0:
		p.detail = fmt.Sprintf("The session definition of the repository %s cannot be used: %s. Mend it there, or create the session with without_definition.", d.Repository, d.Problems[0])
	case again:
		p.detail = fmt.Sprintf("The session definition of the repository %s is not the one that was answered to: %s.", d.Repository, how)
	default:
		p.detail = fmt.Sprintf("The repository %s brings a session definition that you have not confirmed: %s.", d.Repository, how)
	}
	return p
}

func definitionView(repository string, r *template.Repository) client.Definition {
	d := client.Definition{Repository: repository, Commit: r.Commit, Hash: r.Hash, YAML: r.YAML, Prompts: []client.DefinitionPrompt{}, Problems: []string{}}
	for _, p := range r.Prompts {
		d.Prompts = append(d.Prompts, client.DefinitionPrompt(p))
	}
	for _, p := range r.Problems {
		d.Problems = append(d.Problems, p.String())
	}
	return d
}

// plainRepo is a repository's name, however people write it.
func plainRepo(repo string) string { return strings.TrimSuffix(strings.TrimRight(repo, "/"), ".git") }

// broughtView is what a session's repository brought to it.
func broughtView(d *launch.Definition) *client.SessionDefinition {
	if d == nil {
		return nil
	}
	return &client.SessionDefinition{Hash: d.Hash, Commit: d.Commit}
}
