package api

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/integration"
	"volundr/store"
	"volundr/ui/client"
)

// integrationRoutes are the accounts elsewhere that a person connects.
func (s *server) integrationRoutes(g *echo.Group) {
	g.GET("/integrations/catalog", s.integrationCatalogue)
	g.GET("/integrations", s.listIntegrations)
	g.POST("/integrations", s.addIntegration)
	g.PUT("/integrations/:id", s.changeIntegration)
	g.DELETE("/integrations/:id", s.deleteIntegration)
	g.POST("/integrations/:id/test", s.testIntegration)
}

func (s *server) integrationCatalogue(c echo.Context) error {
	return c.JSON(http.StatusOK, services())
}

// services are the catalogue as the contract has it.
func services() []client.Service {
	out := []client.Service{}
	for _, e := range integration.Catalogue() {
		v := client.Service{Slug: e.Slug, Name: e.Name, Description: e.Description, IntegrationType: e.Type, Adapter: e.Adapter(), Icon: e.Slug,
			CredentialSchema: schemaView(e.Credential), ConfigSchema: schemaView(e.Config), AuthType: "api_key", OAuthScopes: []string{}}
		if m := e.MCP; m != nil {
			v.MCPServer = &client.ServiceTools{Name: m.Name, Command: m.Command, Args: m.Args, EnvFrom: m.Secret}
		}
		out = append(out, v)
	}
	return out
}

func schemaView(s integration.Schema) client.ServiceSchema {
	v := client.ServiceSchema{Required: s.Required, Properties: map[string]client.ServiceField{}}
	for name, f := range s.Properties {
		v.Properties[name] = client.ServiceField(f)
	}
	return v
}

func integrationView(i store.Integration) client.Integration {
	v := client.Integration{ID: i.ID, IntegrationType: i.Type, Adapter: i.Adapter, CredentialName: i.Credential, Config: map[string]string{}, Enabled: i.Enabled,
		CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt, Slug: i.Slug}
	for name, value := range i.Config {
		v.Config[name] = value
	}
	if e, ok := integration.Of(i.Slug); ok {
		v.HasTools = e.Tools(i.Config) != nil
	}
	return v
}

// connected are the caller's integrations as they are shown.
func (s *server) connected(c echo.Context) ([]client.Integration, error) {
	rows, err := s.DB.Integrations(c.Request().Context(), principal(c))
	if err != nil {
		return nil, err
	}
	out := []client.Integration{}
	for _, row := range rows {
		out = append(out, integrationView(row))
	}
	return out, nil
}

func (s *server) listIntegrations(c echo.Context) error {
	all, err := s.connected(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

func (s *server) addIntegration(c echo.Context) error {
	var in client.IntegrationSave
	if err := decode(c, &in); err != nil {
		return err
	}
	row, err := s.connect(c, in)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, integrationView(row))
}

// integration is the caller's that the path names.
func (s *server) integration(c echo.Context) (store.Integration, error) {
	row, err := s.DB.Integration(c.Request().Context(), principal(c), c.Param("id"))
	return row, noIntegration(c, err)
}

func noIntegration(c echo.Context, err error) error {
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Integration not found: %s", c.Param("id"))
	}
	return err
}

func (s *server) changeIntegration(c echo.Context) error {
	row, err := s.integration(c)
	if err != nil {
		return err
	}
	var in client.IntegrationSave
	if err := decode(c, &in); err != nil {
		return err
	}
	if row, err = s.reconnect(c, row, in); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, integrationView(row))
}

func (s *server) deleteIntegration(c echo.Context) error {
	if err := s.DB.DeleteIntegration(c.Request().Context(), principal(c), c.Param("id")); err != nil {
		return noIntegration(c, err)
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) testIntegration(c echo.Context) error {
	row, err := s.integration(c)
	if err != nil {
		return err
	}
	out, err := s.tested(c, row)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, out)
}

// tested asks the service whose key it is. What it says, a refusal too, is the
// answer.
func (s *server) tested(c echo.Context, row store.Integration) (client.IntegrationTest, error) {
	who, err := integration.Test(c.Request().Context(), s.Vault, principal(c), row)
	var no *integration.Refused
	switch {
	case errors.As(err, &no):
		return client.IntegrationTest{Provider: row.Slug, Error: orNil(no.Text)}, nil
	case err != nil:
		return client.IntegrationTest{}, err
	}
	return client.IntegrationTest{Success: true, Provider: row.Slug, User: orNil(who.User), Workspace: orNil(who.Workspace)}, nil
}
