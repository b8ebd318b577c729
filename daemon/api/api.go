// Package api is the daemon's face: REST routes of the contract, the event
// stream, chats, and the pages of the UI. It decides nothing that the engine,
// the link or the store decide.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/daemon/changes"
	"volundr/daemon/chronicle"
	"volundr/daemon/engine"
	"volundr/daemon/files"
	"volundr/daemon/forge"
	"volundr/daemon/launch"
	"volundr/daemon/link"
	"volundr/daemon/sandbox"
	"volundr/daemon/source"
	"volundr/daemon/template"
	"volundr/daemon/vault"
	"volundr/runtime"
	"volundr/store"
	"volundr/ui/client"
)

// Prefix of the contract's main routes, and TokenPrefix of its tokens'.
const (
	Prefix      = "/api/v1/volundr"
	TokenPrefix = "/api/v1/users/tokens"
)

// Options are the pieces that the routes stand on.
type Options struct {
	DB      *store.DB
	Engine  *engine.Engine
	Links   *link.Links
	Launch  *launch.Launcher
	Sources *source.Sources
	Forges  *forge.Forges
	Vault   *vault.Vault
	Auth    *auth.Auth
	// Sandboxes are the sandbox API, and Sandbox what a request may choose there.
	Sandboxes *sandbox.Sandboxes
	Sandbox   SandboxOptions
	// Templates are the files that sessions are begun from.
	Templates *template.Library
	// Chronicles hold what runs left, and the packs of archives.
	Chronicles *chronicle.Chronicles
	// Runtimes by name; Default is the name that new sessions get.
	Runtimes map[string]runtime.Runtime
	Default  string
	Models   []client.Model
	// Status answers `volundr status` and the about page.
	Status func(context.Context) client.Status
	// Doctor looks at everything the daemon stands on.
	Doctor func(context.Context) []client.Finding
	// RetryImage makes the session image anew after it failed.
	RetryImage func()
	// Shutdown ends the daemon (`volundr down`).
	Shutdown func()
	// Stopping is done when the daemon shuts down: long answers end then.
	Stopping context.Context
	// Ending counts what then ends in sessions, which the daemon waits for.
	Ending *sync.WaitGroup
	Now    func() time.Time
	Log    *slog.Logger
}

type server struct {
	Options
	workspaces fileLists
	changes    *changes.Changes
	inside     *files.Files
}

// New gives the handler of the control origin, guards included: whoever gets
// through is somebody. Surfaces have origins of their own and do not come here.
func New(o Options) http.Handler {
	return o.Auth.Guard(serving(o).router())
}

func serving(o Options) *server {
	return &server{Options: o, workspaces: fileLists{lists: map[string]fileList{}},
		changes: changes.New(o.Links.RunCommand), inside: files.New(o.Links.RunCommand)}
}

// NewSandboxes gives the handler of the sandbox API alone, without a guard.
func NewSandboxes(o Options) http.Handler { return sandboxRouter(serving(o)) }

func sandboxRouter(s *server) *echo.Echo {
	e := newEcho(s.Log, func(echo.Context, int, string) error { return errors.ErrUnsupported })
	s.v1(e)
	documents(e, sandboxDocument, sandboxReference)
	return guarded(e)
}

func newEcho(log *slog.Logger, page func(echo.Context, int, string) error) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = onError(log, page)
	return e
}

func (s *server) router() *echo.Echo {
	e := newEcho(s.Log, s.errorPage)
	e.GET(assetPrefix+"*", asset)
	s.contract(e.Group(Prefix))
	s.featureRoutes(e, e.Group(Prefix))
	s.tokenRoutes(e.Group(TokenPrefix))
	s.v1(e)
	documents(e, document, wholeReference)
	s.pages(e)
	return guarded(e)
}

// Public reports whether everybody may have a path: health, and what the login
// page is drawn with.
func Public(r *http.Request) bool { return public(r.URL.Path) }

func public(path string) bool {
	switch path {
	case "/health", "/livez", "/readyz":
		return true
	}
	return strings.HasPrefix(path, assetPrefix)
}

// contract are the routes that existing clients rely on, and ours beside them.
func (s *server) contract(g *echo.Group) {
	g.GET("/sessions", s.listSessions)
	g.POST("/sessions", s.createSession)
	g.GET("/sessions/stream", s.stream)
	g.GET("/sessions/:id", s.getSession)
	g.PUT("/sessions/:id", s.patchSession)
	g.PATCH("/sessions/:id", s.patchSession)
	g.DELETE("/sessions/:id", s.deleteSession)
	g.POST("/sessions/:id/start", s.startSession)
	g.POST("/sessions/:id/stop", s.stopSession)
	g.POST("/sessions/archive-stopped", s.archiveStopped)
	for _, method := range []string{http.MethodPatch, http.MethodPost} {
		g.Add(method, "/sessions/:id/archive", s.archiveSession)
		g.Add(method, "/sessions/:id/restore", s.restoreSession)
	}
	g.GET("/sessions/:id/checkpoints", s.checkpoints)
	g.GET("/sessions/:id/checkpoints/:checkpoint/loss", s.checkpointLoss)
	g.POST("/sessions/:id/checkpoints/:checkpoint/rewind", s.rewind)
	g.POST("/chronicles/:id/reforge", s.reforge)
	g.GET("/storage", s.storage)
	g.GET("/sessions/:id/logs", s.logs)
	g.GET("/sessions/:id/conversation", s.conversation)
	g.POST("/sessions/:id/messages", s.postMessage)
	g.GET("/inbox", s.inbox)
	g.POST("/sessions/:id/answers", s.answerQuestion)
	g.POST("/sessions/:id/cancel", s.cancelTurn)
	g.GET("/sessions/:id/attach", s.attach)
	g.GET("/sessions/:id/loss", s.lossJSON)
	s.templateRoutes(g)
	s.promptRoutes(g)
	s.trustRoutes(g)
	s.presetRoutes(g)
	s.changesRoutes(g)
	s.gitRoutes(g)
	s.integrationRoutes(g)
	s.chronicleRoutes(g)
	s.reportRoutes(g)
	g.GET("/models", s.models)
	g.GET("/stats", s.stats)
	g.GET("/me", s.me)
	g.GET("/credentials", s.listCredentials)
	g.GET("/credentials/types", s.credentialTypes)
	g.POST("/credentials", s.putCredential)
	g.GET("/credentials/:name", s.getCredential)
	g.DELETE("/credentials/:name", s.deleteCredential)
	g.GET("/mcp-servers", s.listMCPServers)
	g.GET("/mcp-servers/:name", s.getMCPServer)
	g.GET("/secrets", s.listSecrets)
	g.POST("/secrets", s.createSecret)
	g.GET("/secrets/:name", s.getSecret)
	g.GET("/found", s.listFound)
	g.POST("/found/:id/adopt", s.adoptFound)
	g.DELETE("/found/:id", s.deleteFound)
	g.GET("/status", func(c echo.Context) error { return c.JSON(http.StatusOK, s.status(c)) })
	g.GET("/doctor", func(c echo.Context) error { return c.JSON(http.StatusOK, s.Doctor(c.Request().Context())) })
	g.POST("/image", func(c echo.Context) error { s.RetryImage(); return c.NoContent(http.StatusAccepted) })
	s.userRoutes(g)
	s.tenantRoutes(g)
	s.loginRoutes(g)
	s.auditRoutes(g)
	s.shareRoutes(g)
	s.sharedRoutes(g)
	s.quotaRoutes(g)
	g.POST("/login-links", s.loginLink)
	g.POST("/shutdown", s.shutdown)
}

// principal is who asks; the guard let nobody else through.
func principal(c echo.Context) store.Principal {
	p, _ := auth.PrincipalFrom(c.Request().Context())
	p.Guest = shown[c.Request().Method+" "+c.Path()]
	return p
}
