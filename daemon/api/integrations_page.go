package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/integration"
	"volundr/daemon/vault"
	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

// integrationsPage is GET /integrations: "?service=" chooses the form.
func (s *server) integrationsPage(c echo.Context) error {
	p := ui.IntegrationsPage{Slug: c.QueryParam("service")}
	if _, ok := integration.Of(p.Slug); !ok {
		p.Slug = ""
	}
	if c.QueryParam("done") == "disconnected" {
		p.Done = "Disconnected. The credential is still stored."
	}
	return s.showIntegrations(c, http.StatusOK, p)
}

func (s *server) showIntegrations(c echo.Context, status int, p ui.IntegrationsPage) (err error) {
	p.Shell, p.Services = s.shell(c, "Integrations"), services()
	if p.Connected, err = s.connected(c); err != nil {
		return err
	}
	if p.Stored, err = s.stored(c); err != nil {
		return err
	}
	return html(c, status, ui.Integrations(p))
}

// postIntegration connects a service, stores a key that was typed for it, and
// tests it at once.
func (s *server) postIntegration(c echo.Context) error {
	posted, err := postForm(c)
	if err != nil {
		return err
	}
	p := ui.IntegrationsPage{Slug: posted.Get("slug"), Credential: posted.Get("credential_name"), Config: map[string]string{}}
	for field, v := range posted {
		if name, ok := strings.CutPrefix(field, "config."); ok && len(v) == 1 {
			p.Config[name] = v[0]
		}
	}
	in := client.IntegrationSave{Slug: p.Slug, Config: &p.Config, CredentialName: &p.Credential}
	err = s.keepKey(c, &in, strings.TrimSpace(posted.Get("key")))
	var row store.Integration
	if err == nil {
		row, err = s.connect(c, in)
	}
	if err != nil {
		status, detail, known := answer(err)
		if !known {
			return err
		}
		p.Problems = ui.Problems(asClientError(status, detail), "slug", "config", "credential_name")
		return s.showIntegrations(c, status, p)
	}
	return s.showTest(c, row, "Connected.")
}

// keepKey stores a key that was typed as a credential, and names it. What is
// wrong otherwise is told before.
func (s *server) keepKey(c echo.Context, in *client.IntegrationSave, key string) error {
	e, err := serviceOf(*in)
	if err == nil {
		_, err = checkConfig(e, *in.Config)
	}
	if err != nil || key == "" {
		return err
	}
	name := e.Slug
	if e.Type != integration.Models { // of those there is one key
		all, err := s.stored(c)
		if err != nil {
			return err
		}
		taken := func(name string) bool {
			return slices.ContainsFunc(all, func(k client.Credential) bool { return k.Name == name })
		}
		for n := 2; taken(name); n++ {
			name = fmt.Sprintf("%s-%d", e.Slug, n)
		}
	}
	in.CredentialName = &name
	_, err = s.Vault.Put(c.Request().Context(), principal(c), vault.Credential{Name: name, Type: vault.APIKey}, vault.Values{"api_key": key})
	var bad *vault.InvalidError
	if errors.As(err, &bad) {
		return wrongIntegration("value_error", "credential_name", "%s", bad)
	}
	return err
}

// postTest asks the service, and shows what it says.
func (s *server) postTest(c echo.Context) error {
	row, err := s.integration(c)
	if err != nil {
		return err
	}
	return s.showTest(c, row, "")
}

func (s *server) showTest(c echo.Context, row store.Integration, done string) error {
	told, err := s.tested(c, row)
	if err != nil {
		status, detail, known := answer(err)
		if !known {
			return err
		}
		told = client.IntegrationTest{Provider: row.Slug, Error: orNil(asClientError(status, detail).Detail)}
	}
	return s.showIntegrations(c, http.StatusOK, ui.IntegrationsPage{Done: done, Tested: map[string]client.IntegrationTest{row.ID: told}})
}

func (s *server) postSwitch(c echo.Context) error {
	row, err := s.integration(c)
	if err != nil {
		return err
	}
	on := c.FormValue("enabled") == "yes"
	if _, err := s.reconnect(c, row, client.IntegrationSave{Enabled: &on}); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/integrations")
}

func (s *server) postDisconnect(c echo.Context) error {
	if err := s.DB.DeleteIntegration(c.Request().Context(), principal(c), c.Param("id")); err != nil {
		return noIntegration(c, err)
	}
	return c.Redirect(http.StatusSeeOther, "/integrations?done=disconnected")
}
