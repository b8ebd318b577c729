package api

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/vault"
	"volundr/ui"
	"volundr/ui/client"
)

var credentialName = regexp.MustCompile(`^[a-z0-9_-]{1,100}$`)

// stored are the caller's credentials as pages show them.
func (s *server) stored(c echo.Context) ([]client.Credential, error) {
	all, err := s.Vault.List(c.Request().Context(), principal(c), "")
	if err != nil {
		return nil, err
	}
	var out []client.Credential
	for _, k := range all {
		out = append(out, credentialShown(k))
	}
	return out, nil
}

func credentialShown(k vault.Credential) client.Credential {
	return client.Credential{Name: k.Name, Type: k.Type, Keys: k.Keys, Metadata: k.Metadata, UpdatedAt: k.UpdatedAt, Shared: k.Shared, InSessions: k.Shared && k.Laid}
}

// credentialsPage is GET /credentials: "?type=" chooses the form, "?name=" fills
// in which one is replaced.
func (s *server) credentialsPage(c echo.Context) error {
	p := ui.CredentialsPage{Type: c.QueryParam("type"), Name: c.QueryParam("name")}
	switch name := c.QueryParam("of"); {
	case !credentialName.MatchString(name):
	case c.QueryParam("done") == "stored":
		p.Done = "Stored " + name + "."
	case c.QueryParam("done") == "deleted":
		p.Done = "Deleted " + name + "."
	case c.QueryParam("done") == "shared":
		p.Done = "Everybody can use " + name + " now."
	case c.QueryParam("done") == "unshared":
		p.Done = name + " is yours alone now."
	}
	return s.showCredentials(c, http.StatusOK, p)
}

func (s *server) showCredentials(c echo.Context, status int, p ui.CredentialsPage) (err error) {
	p.Shell, p.Warning = s.shell(c, "Credentials"), s.Vault.Warning(c.Request().Context())
	if p.Stored, err = s.stored(c); err != nil {
		return err
	}
	if p.Hidden, err = s.hidden(c, p.Stored); err != nil {
		return err
	}
	if p.Sharing, err = s.sharing(c); err != nil {
		return err
	}
	for _, t := range vault.Types() {
		v := client.CredentialType{Type: t.Type, Label: t.Label, Description: t.Description, Mount: t.Mount}
		for _, f := range t.Fields {
			v.Fields = append(v.Fields, client.CredentialField(f))
		}
		p.Types = append(p.Types, v)
	}
	return html(c, status, ui.Credentials(p))
}

// postCredential stores what the form holds. Where it is refused the values
// have to be given again.
func (s *server) postCredential(c echo.Context) error {
	posted, err := postForm(c)
	if err != nil {
		return err
	}
	p := ui.CredentialsPage{Type: posted.Get("secret_type"), Name: strings.TrimSpace(posted.Get("name"))}
	values := vault.Values{}
	for field, v := range posted {
		if key, ok := strings.CutPrefix(field, "data."); ok && len(v) == 1 {
			values[key] = strings.ReplaceAll(v[0], "\r\n", "\n")
		}
	}
	for line := range strings.Lines(posted.Get("pairs")) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) == "" {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			p.Problems = []string{"one value a line, written as NAME=value"}
			return s.showCredentials(c, http.StatusUnprocessableEntity, p)
		}
		values[strings.TrimSpace(key)] = value
	}
	_, err = s.Vault.Put(c.Request().Context(), principal(c), vault.Credential{Name: p.Name, Type: p.Type}, values)
	var schema *vault.InvalidError
	var kind *vault.TypeError
	switch {
	case errors.As(err, &schema):
		p.Problems = schema.Problems
	case errors.As(err, &kind):
		p.Problems = []string{"choose one of the types"}
	case errors.Is(err, vault.ErrLocked):
		p.Problems = []string{err.Error()}
	case err != nil:
		return err
	default:
		return c.Redirect(http.StatusSeeOther, "/credentials?done=stored&of="+p.Name)
	}
	return s.showCredentials(c, http.StatusUnprocessableEntity, p)
}

func (s *server) postDeleteCredential(c echo.Context) error {
	name := c.Param("name")
	if err := s.forget(c, name); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/credentials?done=deleted&of="+name)
}
