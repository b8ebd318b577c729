package api

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui/client"
)

func (s *server) auditRoutes(g *echo.Group) {
	g.GET("/audit", s.listDeeds)
	g.GET("/audit/verify", s.verifyAudit)
	g.GET("/audit/export", s.exportAudit)
}

func (s *server) listDeeds(c echo.Context) error {
	limit, err := numberWithin(c, "limit", 100, 1, 1000)
	if err != nil {
		return err
	}
	out, err := s.deeds(c, limit)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, out)
}

// deeds are those that the query asks for.
func (s *server) deeds(c echo.Context, limit int) ([]client.Deed, error) {
	before, err := numberWithin(c, "before", 0, 0, unbounded)
	if err != nil {
		return nil, err
	}
	p, err := s.manager(c)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Deeds(c.Request().Context(), p, store.DeedFilter{Act: c.QueryParam("act"), User: c.QueryParam("user"), Before: int64(before), Limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]client.Deed, len(rows))
	for i, d := range rows {
		out[i] = deedView(d)
	}
	return out, nil
}

func deedView(d store.Deed) client.Deed {
	return client.Deed{N: d.N, At: d.At, UserID: d.UserID, User: d.UserName, By: d.By, Act: d.Act, Subject: d.Subject, Detail: d.Detail}
}

// cut bounds what a client calls something.
func cut(name string) string { return strings.ToValidUTF8(name[:min(len(name), 200)], "") }

func (s *server) verifyAudit(c echo.Context) error {
	chain, err := s.wholeAudit(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, chain)
}

func (s *server) wholeAudit(c echo.Context) (client.Chain, error) {
	chain, err := s.DB.VerifyAudit(c.Request().Context(), c.QueryParam("kept"))
	return client.Chain{Records: chain.Deeds, Head: chain.Head, Broken: chain.Broken}, err
}

// exportAudit writes the chain as it is stored, so that it can be verified
// elsewhere: a hash is SHA-256 over n, the time in Unix milliseconds, tenant_id,
// user_id, user, by, act, subject, detail as it stands and previous, each as
// LENGTH:TEXT, with the length in bytes.
func (s *server) exportAudit(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Content-Disposition", `attachment; filename="volundr-audit.ndjson"`)
	enc := json.NewEncoder(c.Response())
	enc.SetEscapeHTML(false)
	for after := int64(0); ; {
		some, err := s.DB.AllDeeds(c.Request().Context(), after, 1000)
		if err != nil || len(some) == 0 {
			return err // what was begun is cut short
		}
		for _, d := range some {
			after = d.N
			if err := enc.Encode(client.ChainedDeed{Deed: deedView(d), TenantID: d.TenantID, Previous: d.Previous, Hash: d.Hash}); err != nil {
				return nil // the client has gone
			}
		}
	}
}
