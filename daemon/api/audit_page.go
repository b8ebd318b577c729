package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui"
)

// perAuditPage is how many records a page shows.
const perAuditPage = 100

// auditPage shows what was done in the reader's tenant, and to who owns the
// machine, when asked, whether the whole chain holds.
func (s *server) auditPage(c echo.Context) error {
	p := ui.AuditPage{Shell: s.shell(c, "Audit"), Acts: store.Acts, Act: c.QueryParam("act"), User: c.QueryParam("user"),
		Machine: may(c, auth.Machine), Kept: c.QueryParam("kept")}
	var err error
	if p.OfTenant, err = s.ofTenant(c, p.Shell); err != nil {
		return err
	}
	if p.Deeds, err = s.deeds(c, perAuditPage); err != nil {
		return err
	}
	if len(p.Deeds) == perAuditPage {
		p.Older = p.Deeds[perAuditPage-1].N
	}
	if p.Machine && c.QueryParam("verify") != "" {
		chain, err := s.wholeAudit(c)
		if err != nil {
			return err
		}
		p.Verified = &chain
	}
	return html(c, http.StatusOK, ui.Audit(p))
}
