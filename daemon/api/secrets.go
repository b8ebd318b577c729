package api

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/vault"
)

// Secrets of the contract are generic credentials, seen as names and keys. A
// session gets them as variables that are called as their keys
// (env_secret_refs).

func secretView(k vault.Credential) obj { return obj{"name": k.Name, "keys": k.Keys} }

func (s *server) listSecrets(c echo.Context) error {
	all, err := s.Vault.List(c.Request().Context(), principal(c), vault.Generic)
	if err != nil {
		return err
	}
	out := make([]obj, 0, len(all))
	for _, k := range all {
		out = append(out, secretView(k))
	}
	return c.JSON(http.StatusOK, out)
}

func (s *server) getSecret(c echo.Context) error {
	k, err := s.Vault.Show(c.Request().Context(), principal(c), c.Param("name"))
	if isNotFound(err) || err == nil && k.Type != vault.Generic {
		return fail(http.StatusNotFound, "Secret not found: %s", c.Param("name"))
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, secretView(k))
}

type secretIn struct {
	Name string            `json:"name"`
	Data map[string]string `json:"data"`
}

// createSecret stores one that is not there yet.
func (s *server) createSecret(c echo.Context) error {
	var in secretIn
	if err := decode(c, &in); err != nil {
		return err
	}
	ctx, p := c.Request().Context(), principal(c)
	if _, err := s.Vault.Show(ctx, p, in.Name); err == nil {
		return fail(http.StatusConflict, "There is a credential %q already: delete it first, or choose another name.", in.Name)
	} else if !isNotFound(err) {
		return err
	}
	k, err := s.Vault.Put(ctx, p, vault.Credential{Name: in.Name, Type: vault.Generic}, in.Data)
	var schema *vault.InvalidError
	if errors.As(err, &schema) {
		return fail(http.StatusBadRequest, "%s", schema)
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, secretView(k))
}
