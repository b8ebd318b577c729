package api

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/vault"
)

func (s *server) listCredentials(c echo.Context) error {
	all, err := s.Vault.List(c.Request().Context(), principal(c), c.QueryParam("secret_type"))
	if err != nil {
		return credentialError(err)
	}
	out := make([]obj, 0, len(all))
	for _, k := range all {
		out = append(out, credentialView(k))
	}
	return c.JSON(http.StatusOK, obj{"credentials": out})
}

// credentialView never holds a value.
func credentialView(k vault.Credential) obj {
	v := obj{"id": k.ID, "name": k.Name, "secret_type": k.Type, "keys": k.Keys, "metadata": k.Metadata,
		"created_at": k.CreatedAt, "updated_at": k.UpdatedAt}
	if k.Shared {
		v["shared"] = true
		if k.Laid {
			v["in_sessions"] = true
		}
	}
	return v
}

func (s *server) credentialTypes(c echo.Context) error { return c.JSON(http.StatusOK, vault.Types()) }

// credentialIn is a credential with its values; without a type it is generic.
type credentialIn struct {
	Name     string            `json:"name"`
	Type     string            `json:"secret_type,omitempty"`
	Data     map[string]string `json:"data"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

func (s *server) putCredential(c echo.Context) error {
	var in credentialIn
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Type == "" {
		in.Type = "generic"
	}
	k, err := s.Vault.Put(c.Request().Context(), principal(c), vault.Credential{Name: in.Name, Type: in.Type, Metadata: in.Metadata}, in.Data)
	if err != nil {
		return credentialError(err)
	}
	return c.JSON(http.StatusCreated, credentialView(k))
}

func (s *server) getCredential(c echo.Context) error {
	k, err := s.Vault.Show(c.Request().Context(), principal(c), c.Param("name"))
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Credential not found: %s", c.Param("name"))
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, credentialView(k))
}

func (s *server) deleteCredential(c echo.Context) error {
	name := c.Param("name")
	if err := s.forget(c, name); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// credentialError puts the vault's refusals into the contract's shapes.
func credentialError(err error) error {
	var schema *vault.InvalidError
	var kind *vault.TypeError
	switch {
	case errors.As(err, &schema):
		return problem{status: http.StatusUnprocessableEntity, detail: obj{"errors": schema.Problems}}
	case errors.As(err, &kind):
		return fail(http.StatusBadRequest, "%s", kind)
	}
	return err
}
