package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/ui/client"
)

// contractVersion is the version of the sandbox API's contract that we serve,
// as its clients ask for it: at least 0.4.0 has sessions.
const contractVersion = "0.4.4"

// health is always 200: clients of the contract read the status in it.
func (s *server) health(c echo.Context) error {
	out := client.SandboxHealth{Status: "ok", Version: contractVersion}
	if why := s.unfitFor(); why != "" {
		out.Status, out.Message = "error", &why
	}
	return c.JSON(http.StatusOK, out)
}

// unfitFor says why no sandbox can be had now; empty: one can. It asks nobody,
// so that it is told at once whatever the load.
func (s *server) unfitFor() string {
	if err := s.Engine.Trouble()[s.Default]; err != nil {
		return "The runtime cannot be reached. `volundr doctor` says more."
	}
	switch image := s.Sandbox.Image(); image.State {
	case "failed":
		return "The sandbox image could not be made. `volundr image build --sandbox` says why."
	case "building":
		return "The sandbox image is being made: " + image.Text
	}
	return ""
}

func (s *server) livez(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// readyz is for those who read status codes: 503 while sandboxes cannot be had.
func (s *server) readyz(c echo.Context) error {
	if why := s.unfitFor(); why != "" {
		return fail(http.StatusServiceUnavailable, "%s", why)
	}
	if _, err := s.DB.LivingSandboxes(c.Request().Context()); err != nil {
		return fail(http.StatusServiceUnavailable, "The database does not answer.")
	}
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}
