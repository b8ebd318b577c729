package api

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/daemon/sandbox"
	"volundr/daemon/sandbox/inner"
	"volundr/store"
	"volundr/ui/client"
)

// SandboxOptions are what the sandbox API lets a request choose.
type SandboxOptions struct {
	Networks []string // the first is the usual one
	// Most is what a request may ask for at most.
	Most       launch.SandboxRequest
	MaxTimeout time.Duration
	// Image is how far the sandbox image is.
	Image func() client.ImageStatus
}

// v1 are the routes of the sandbox API, on the daemon's own address and on the
// API's.
func (s *server) v1(e *echo.Echo) {
	e.Pre(withoutSlash)
	e.Use(methods)
	e.GET("/health", s.health)
	e.GET("/livez", s.livez)
	e.GET("/readyz", s.readyz)
	g := e.Group(client.SandboxBase)
	g.POST("/execute", s.execute)
	g.POST("/execute/stream", s.executeStream)
	g.GET("/files", s.listUploads)
	g.POST("/files", s.upload)
	g.GET("/files/:file", s.download)
	g.DELETE("/files/:file", s.deleteUpload)
	g.GET("/sessions", s.listSandboxes)
	g.POST("/sessions", s.createSandbox)
	g.GET("/sessions/:sandbox", s.getSandbox)
	g.PATCH("/sessions/:sandbox", s.extendSandbox)
	g.POST("/sessions/:sandbox/extend", s.extendSandbox)
	g.DELETE("/sessions/:sandbox", s.deleteSandbox)
	g.POST("/sessions/:sandbox/bash", s.bash)
	g.POST("/sessions/:sandbox/bash/stream", s.bashStream)
	g.POST("/sessions/:sandbox/runs/:run/stdin", s.runInput)
	g.DELETE("/sessions/:sandbox/runs/:run", s.cancelRun)
	g.GET("/sessions/:sandbox/files", s.listInside)
	g.GET("/sessions/:sandbox/files/*", s.readInside)
	g.PUT("/sessions/:sandbox/files/*", s.writeInside)
	g.DELETE("/sessions/:sandbox/files/*", s.removeInside)
}

// withoutSlash sends who asks for a route with a slash behind it to the one
// without.
func withoutSlash(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		if path := u.EscapedPath(); strings.HasPrefix(path, client.SandboxBase+"/") && strings.HasSuffix(path, "/") && !insideRoute(path) {
			to := strings.TrimRight(path, "/")
			if u.RawQuery != "" {
				to += "?" + u.RawQuery
			}
			return c.Redirect(http.StatusTemporaryRedirect, to)
		}
		return next(c)
	}
}

// insideRoute reports whether a path goes on with one inside a sandbox.
func insideRoute(path string) bool {
	return strings.HasPrefix(path, client.SandboxBase+"/sessions/") && strings.Contains(path, "/files/")
}

// methods answers OPTIONS, which no route of ours has, as every other wrong
// method.
func methods(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		allow, ok := c.Get(echo.ContextKeyHeaderAllow).(string)
		if !ok || !strings.HasPrefix(c.Request().URL.Path, client.SandboxBase+"/") {
			return next(c)
		}
		allow = strings.TrimPrefix(allow, http.MethodOptions+", ")
		c.Set(echo.ContextKeyHeaderAllow, allow)
		c.Response().Header().Set(echo.HeaderAllow, allow)
		if c.Request().Method == http.MethodOptions {
			return echo.ErrMethodNotAllowed
		}
		return next(c)
	}
}

// sandboxProblem gives the status and the words of the sandbox API's errors.
func sandboxProblem(err error) (status int, detail string, known bool) {
	var busy *sandbox.Busy
	var bad *sandbox.BadRequest
	var file *sandbox.FileError
	switch {
	case errors.As(err, &busy) && busy.Full:
		return http.StatusTooManyRequests, busy.Detail, true
	case errors.As(err, &busy):
		return http.StatusServiceUnavailable, busy.Detail, true
	case errors.As(err, &bad):
		return http.StatusUnprocessableEntity, bad.Detail, true
	case errors.As(err, &file):
		return http.StatusNotFound, file.Error(), true
	case errors.Is(err, sandbox.ErrTooLarge):
		return http.StatusRequestEntityTooLarge, strings.TrimSuffix(err.Error(), ": "+sandbox.ErrTooLarge.Error()), true
	case errors.Is(err, inner.ErrConflict):
		return http.StatusConflict, err.Error(), true
	case errors.Is(err, inner.ErrInvalid):
		return http.StatusUnprocessableEntity, err.Error(), true
	case errors.Is(err, inner.ErrFull):
		return http.StatusInsufficientStorage, "The workspace is full: remove something from it, or make a sandbox with a larger one.", true
	case errors.Is(err, inner.ErrEnded):
		return http.StatusNotFound, "The session has ended and is not found any more.", true
	}
	return 0, "", false
}

// retryAfter is what an answer says of when to ask again; empty: nothing.
func retryAfter(status int, err error) string {
	var busy *sandbox.Busy
	switch {
	case errors.As(err, &busy):
		return strconv.Itoa(max(1, int(math.Ceil(busy.After.Seconds()))))
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return "5"
	}
	return ""
}

// unknown tells a sandbox, or something in it, that is not there as clients of
// the contract expect it. what is empty for the sandbox itself.
func unknown(c echo.Context, err error, what string) error {
	name := c.Param("sandbox")
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fail(http.StatusNotFound, "Session '%s' not found", name)
	case errors.Is(err, inner.ErrNotFound) && what != "":
		return fail(http.StatusNotFound, "%s not found in session '%s'", what, name)
	}
	return err
}

// checkTimeout bounds timeout_ms, beyond the schema.
func (s *server) checkTimeout(ms int) error {
	if most := s.Sandbox.MaxTimeout.Milliseconds(); int64(ms) > most {
		return fail(http.StatusUnprocessableEntity, "timeout_ms exceeds maximum of %d ms", most)
	}
	return nil
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func timeout(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }

// noNUL refuses what no command line can hold.
func noNUL(field, value string) error {
	if strings.ContainsRune(value, 0) {
		return invalid(fieldError{Type: "value_error", Loc: []any{"body", field}, Input: value,
			Msg: fmt.Sprintf("Value error, %s cannot hold a NUL byte", field)})
	}
	return nil
}
