package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"volundr/daemon/integration"
	"volundr/store"
	"volundr/ui/client"
)

func wrongIntegration(kind, field, format string, args ...any) error {
	return invalid(fieldError{Type: kind, Loc: []any{"body", field}, Msg: fmt.Sprintf(format, args...)})
}

// serviceOf is the service that a client means: by its slug, or by the adapter
// that the catalogue names.
func serviceOf(in client.IntegrationSave) (integration.Entry, error) {
	slug := in.Slug
	if slug == "" {
		slug = strings.TrimPrefix(in.Adapter, "volundr.")
	}
	e, ok := integration.Of(slug)
	switch {
	case !ok:
		return e, wrongIntegration("value_error", "slug", "There is no such integration: choose one of %s.", strings.Join(integration.Slugs(), ", "))
	case in.IntegrationType != "" && in.IntegrationType != e.Type:
		return e, wrongIntegration("value_error", "integration_type", "%s is of the type %s.", e.Name, e.Type)
	}
	return e, nil
}

// connect stores an integration of the caller's.
func (s *server) connect(c echo.Context, in client.IntegrationSave) (store.Integration, error) {
	e, err := serviceOf(in)
	if err != nil {
		return store.Integration{}, err
	}
	if in.CredentialName == nil {
		return store.Integration{}, wrongIntegration("missing", "credential_name", "Field required")
	}
	row := store.Integration{Slug: e.Slug, Type: e.Type, Adapter: e.Adapter(), Enabled: true}
	if err := s.fill(c, &row, in, e); err != nil {
		return row, err
	}
	return s.DB.AddIntegration(c.Request().Context(), principal(c), row)
}

// reconnect changes what a client says of an integration of the caller's.
func (s *server) reconnect(c echo.Context, row store.Integration, in client.IntegrationSave) (store.Integration, error) {
	e, ok := integration.Of(row.Slug)
	if !ok {
		return row, wrongIntegration("value_error", "slug", "This version knows no service %q: disconnect it.", row.Slug)
	}
	if err := s.fill(c, &row, in, e); err != nil {
		return row, err
	}
	row, err := s.DB.ChangeIntegration(c.Request().Context(), principal(c), row)
	return row, noIntegration(c, err)
}

// fill takes what a client says over, and refuses what could not be.
func (s *server) fill(c echo.Context, row *store.Integration, in client.IntegrationSave, e integration.Entry) error {
	set(&row.Config, in.Config)
	set(&row.Enabled, in.Enabled)
	config, err := checkConfig(e, row.Config)
	if err != nil {
		return err
	}
	row.Config = config
	if in.CredentialName == nil {
		return nil
	}
	row.Credential = *in.CredentialName
	return s.checkKey(c, e, row.Credential)
}

// checkKey says why a credential cannot be a service's.
func (s *server) checkKey(c echo.Context, e integration.Entry, name string) error {
	ctx, p := c.Request().Context(), principal(c)
	if e.Type == integration.Models {
		if name != e.Slug {
			return wrongIntegration("value_error", "credential_name", "The key of %s's models is the credential %s: store it under this name.", e.Name, e.Slug)
		}
		if is := s.Vault.KeyStatus(ctx, p, e.Slug); !is.Configured {
			return wrongIntegration("value_error", "credential_name", "%s", is.Problem)
		}
		return nil
	}
	k, err := s.Vault.Show(ctx, p, name)
	switch {
	case isNotFound(err):
		return wrongIntegration("value_error", "credential_name", "There is no credential %q: store it first, with `volundr credentials set NAME`.", name)
	case err != nil:
		return err
	case k.Withheld() != "":
		return wrongIntegration("value_error", "credential_name", "%s", k.Withheld())
	case integration.KeyName(k) == "":
		return wrongIntegration("value_error", "credential_name", "The credential %s holds no key for %s: store one as an API key.", name, e.Name)
	}
	return nil
}

// checkConfig gives the settings of a service without those that say nothing.
func checkConfig(e integration.Entry, given map[string]string) (map[string]string, error) {
	config := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := strings.TrimSpace(given[name])
		switch _, known := e.Config.Properties[name]; {
		case !known:
			return nil, wrongIntegration("value_error", "config", "%s takes no setting %s.", e.Name, name)
		case utf8.RuneCountInString(value) > 500:
			return nil, wrongIntegration("value_error", "config", "The value of %s is longer than 500 characters.", name)
		case value != "":
			config[name] = value
		}
	}
	for _, name := range e.Config.Required {
		if config[name] == "" {
			return nil, wrongIntegration("value_error", "config", "%s needs the setting %s.", e.Name, name)
		}
	}
	if address := config["url"]; address != "" {
		if err := integration.CheckURL(address); err != nil {
			return nil, wrongIntegration("value_error", "config", "%s", err)
		}
	}
	if email := config["email"]; strings.ContainsAny(email, ":\r\n") {
		return nil, wrongIntegration("value_error", "config", "%q is no e-mail address.", email)
	}
	return config, nil
}
