package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
)

// rights say for every route but the public ones what one needs for it. A route
// without a row lets nobody in. Whose rows one sees behind it is the store's to
// say: what is another's is not found.
//
// Surfaces, attach and previews are work, for who sees a terminal types in it.
// The chat's socket is read: what comes up it is asked again (chat.go).
var rights = byRoute(map[auth.Right]string{
	auth.Anybody: `
		GET /docs
		GET /redoc
		GET /openapi.json
		GET /api/v1/volundr/me
		GET /api/v1/volundr/status
		GET /api/v1/volundr/feature-flags
		GET /api/v1/volundr/features
		GET /api/v1/volundr/features/preferences
		GET /api/v1/niuu/repos`,

	auth.Read: `
		GET /
		GET /board
		GET /about
		GET /events
		GET /sessions/:id
		GET /sessions/:id/:tab
		GET /sessions/:id/changes
		GET /sessions/:id/changes/file
		GET /sessions/:id/changes/pr
		GET /sessions/:id/loss
		GET /sessions/:id/events
		GET /chronicles
		GET /chronicles/:id
		GET /chronicles/:id/export
		GET /s/:id/session
		GET /s/:id/entries
		GET /s/:id/items
		GET /s/:id/files
		GET /s/:id/prompts
		GET /s/:id/bodies/:hash
		GET /s/:id/api/conversation/history
		GET /s/:id/api/diff
		GET /s/:id/api/diff/files
		GET /s/:id/api/capabilities
		GET /s/:id/api/logs
		GET /s/:id/api/files
		GET /s/:id/api/files/download
		GET /api/v1/volundr/sessions
		GET /api/v1/volundr/sessions/stream
		GET /api/v1/volundr/sessions/:id
		GET /api/v1/volundr/sessions/:id/loss
		GET /api/v1/volundr/sessions/:id/logs
		GET /api/v1/volundr/sessions/:id/conversation
		GET /api/v1/volundr/sessions/:id/checkpoints
		GET /api/v1/volundr/sessions/:id/checkpoints/:checkpoint/loss
		GET /api/v1/volundr/sessions/:id/changes
		GET /api/v1/volundr/sessions/:id/repositories
		GET /api/v1/volundr/sessions/:id/diff
		GET /api/v1/volundr/sessions/:id/diff/files
		GET /api/v1/volundr/sessions/:id/commits
		GET /api/v1/volundr/sessions/:id/comments
		GET /api/v1/volundr/sessions/:id/branch
		GET /api/v1/volundr/sessions/:id/pr
		GET /api/v1/volundr/sessions/:id/pr/text
		GET /api/v1/volundr/sessions/:id/chronicle
		GET /api/v1/volundr/sessions/:id/events
		GET /api/v1/volundr/sessions/:id/events/counts
		GET /api/v1/volundr/sessions/:id/events/tokens
		GET /api/v1/volundr/inbox
		GET /api/v1/volundr/chronicles
		GET /api/v1/volundr/chronicles/search
		GET /api/v1/volundr/chronicles/:id
		GET /api/v1/volundr/chronicles/:id/chain
		GET /api/v1/volundr/chronicles/:id/export
		GET /api/v1/volundr/chronicles/:id/timeline
		GET /api/v1/volundr/chronicles/:id/diff
		GET /api/v1/volundr/events/health
		GET /api/v1/volundr/storage
		GET /api/v1/volundr/stats
		GET /api/v1/volundr/quota
		GET /api/v1/volundr/models
		GET /api/v1/volundr/templates
		GET /api/v1/volundr/templates/:name
		GET /api/v1/volundr/profiles
		GET /api/v1/volundr/profiles/:name
		GET /api/v1/volundr/presets
		GET /api/v1/volundr/presets/:id
		GET /api/v1/volundr/prompts
		GET /api/v1/volundr/prompts/search
		GET /api/v1/volundr/mcp-servers
		GET /api/v1/volundr/mcp-servers/:name
		GET /api/v1/volundr/credentials
		GET /api/v1/volundr/credentials/types
		GET /api/v1/volundr/credentials/:name
		GET /api/v1/volundr/secrets
		GET /api/v1/volundr/secrets/:name
		GET /api/v1/volundr/integrations
		GET /api/v1/volundr/integrations/catalog
		GET /presets
		GET /prompts
		GET /trusts
		GET /api/v1/volundr/trusts
		GET /api/v1/volundr/found`,

	auth.Work: `
		GET /integrations
		POST /integrations
		POST /integrations/:id/test
		POST /integrations/:id/switch
		POST /integrations/:id/delete
		POST /presets
		POST /presets/:id/delete
		POST /prompts
		POST /prompts/:id/delete
		POST /trusts/:id/delete
		DELETE /api/v1/volundr/trusts/:id
		POST /api/v1/volundr/integrations
		PUT /api/v1/volundr/integrations/:id
		DELETE /api/v1/volundr/integrations/:id
		POST /api/v1/volundr/integrations/:id/test
		GET /sessions/new
		POST /sessions/new
		POST /sessions/begin
		GET /sessions/:id/share
		POST /sessions/:id/share
		POST /sessions/:id/unshare
		GET /api/v1/volundr/sessions/:id/shares
		PUT /api/v1/volundr/sessions/:id/shares/:user
		DELETE /api/v1/volundr/sessions/:id/shares/:user
		GET /sessions/:id/stop
		GET /sessions/:id/delete
		POST /sessions/:id/start
		POST /sessions/:id/stop
		POST /sessions/:id/delete
		POST /sessions/:id/archive
		POST /sessions/:id/extend
		POST /sessions/:id/restore
		POST /sessions/:id/prompt
		POST /sessions/:id/answer
		POST /sessions/:id/cancel
		GET /sessions/:id/rewind/:checkpoint
		POST /sessions/:id/rewind/:checkpoint
		POST /chronicles/:id
		POST /chronicles/:id/reforge
		GET /found/:id/delete
		POST /found/:id/adopt
		POST /found/:id/delete
		GET /credentials
		POST /credentials
		POST /credentials/:name/delete
		POST /s/:id/api/files/upload
		POST /s/:id/api/files/mkdir
		DELETE /s/:id/api/files
		GET /s/:id/editor
		GET /s/:id/editor/*
		GET /s/:id/terminal
		GET /s/:id/terminal/*
		GET /s/:id/terminal/ws/:terminal
		GET /s/:id/terminal/api/terminal/sessions
		POST /s/:id/terminal/api/terminal/spawn
		POST /s/:id/terminal/api/terminal/kill
		GET /s/:id/terminal/api/terminal/mode
		POST /s/:id/terminal/api/terminal/mode
		GET /s/:id/terminal/api/terminal/dotfiles
		POST /s/:id/terminal/api/terminal/dotfiles
		DELETE /s/:id/terminal/api/terminal/dotfiles/:dotfile
		GET /s/:id/terminal/api/terminal/preferences
		POST /s/:id/terminal/api/terminal/preferences
		GET /s/:id/preview/:port
		GET /s/:id/preview/:port/*
		GET /api/v1/volundr/sessions/:id/attach
		POST /api/v1/volundr/sessions
		POST /api/v1/volundr/sessions/archive-stopped
		PUT /api/v1/volundr/sessions/:id
		PATCH /api/v1/volundr/sessions/:id
		DELETE /api/v1/volundr/sessions/:id
		POST /api/v1/volundr/sessions/:id/start
		POST /api/v1/volundr/sessions/:id/stop
		POST /api/v1/volundr/sessions/:id/archive
		PATCH /api/v1/volundr/sessions/:id/archive
		POST /api/v1/volundr/sessions/:id/restore
		PATCH /api/v1/volundr/sessions/:id/restore
		POST /api/v1/volundr/sessions/:id/checkpoints/:checkpoint/rewind
		POST /api/v1/volundr/sessions/:id/activity
		POST /api/v1/volundr/sessions/:id/usage
		POST /api/v1/volundr/sessions/:id/messages
		POST /api/v1/volundr/sessions/:id/answers
		POST /api/v1/volundr/sessions/:id/cancel
		POST /api/v1/volundr/sessions/:id/changes/stage
		POST /api/v1/volundr/sessions/:id/changes/unstage
		POST /api/v1/volundr/sessions/:id/changes/discard
		POST /api/v1/volundr/sessions/:id/changes/commit
		POST /api/v1/volundr/sessions/:id/comments
		DELETE /api/v1/volundr/sessions/:id/comments/:comment
		POST /api/v1/volundr/sessions/:id/review
		POST /api/v1/volundr/sessions/:id/push
		POST /api/v1/volundr/sessions/:id/chronicle
		POST /api/v1/volundr/chronicles
		PATCH /api/v1/volundr/chronicles/:id
		DELETE /api/v1/volundr/chronicles/:id
		POST /api/v1/volundr/chronicles/:id/reforge
		POST /api/v1/volundr/chronicles/:id/timeline
		POST /api/v1/volundr/events
		POST /api/v1/volundr/events/batch
		GET /api/v1/volundr/providers
		GET /api/v1/volundr/repos/branches
		GET /api/v1/volundr/repos/prs
		POST /api/v1/volundr/repos/prs
		GET /api/v1/volundr/repos/prs/:number
		GET /api/v1/volundr/repos/prs/:number/ci
		POST /api/v1/volundr/repos/prs/:number/merge
		POST /api/v1/volundr/presets
		PUT /api/v1/volundr/presets/:id
		DELETE /api/v1/volundr/presets/:id
		POST /api/v1/volundr/prompts
		PUT /api/v1/volundr/prompts/:id
		DELETE /api/v1/volundr/prompts/:id
		POST /api/v1/volundr/credentials
		DELETE /api/v1/volundr/credentials/:name
		POST /api/v1/volundr/secrets
		POST /api/v1/volundr/found/:id/adopt
		DELETE /api/v1/volundr/found/:id`,

	auth.Sandboxes: `
		POST /v1/execute
		POST /v1/execute/stream
		GET /v1/files
		POST /v1/files
		GET /v1/files/:file
		DELETE /v1/files/:file
		GET /v1/sessions
		POST /v1/sessions
		GET /v1/sessions/:sandbox
		PATCH /v1/sessions/:sandbox
		POST /v1/sessions/:sandbox/extend
		DELETE /v1/sessions/:sandbox
		POST /v1/sessions/:sandbox/bash
		POST /v1/sessions/:sandbox/bash/stream
		POST /v1/sessions/:sandbox/runs/:run/stdin
		DELETE /v1/sessions/:sandbox/runs/:run
		GET /v1/sessions/:sandbox/files
		GET /v1/sessions/:sandbox/files/*
		PUT /v1/sessions/:sandbox/files/*
		DELETE /v1/sessions/:sandbox/files/*`,

	auth.Person: `
		POST /api/v1/volundr/login-links
		GET /api/v1/volundr/logins
		DELETE /api/v1/volundr/logins/:id
		GET /logins
		POST /logins/:id/delete
		GET /api/v1/users/tokens
		POST /api/v1/users/tokens
		DELETE /api/v1/users/tokens/:id
		GET /tokens
		POST /tokens
		POST /tokens/:id/delete`,

	auth.Admin: `
		GET /audit
		GET /users
		POST /users
		POST /users/:id/role
		POST /users/:id/link
		POST /users/:id/delete
		GET /api/v1/volundr/credentials/tenant/list
		POST /api/v1/volundr/credentials/tenant
		POST /api/v1/volundr/credentials/tenant/:name/unshare
		DELETE /api/v1/volundr/credentials/tenant/:name
		POST /credentials/:name/share
		POST /credentials/:name/unshare
		PUT /api/v1/volundr/presets/:id/share
		DELETE /api/v1/volundr/presets/:id/share
		POST /presets/:id/share
		POST /presets/:id/unshare
		GET /api/v1/volundr/users
		POST /api/v1/volundr/users
		PUT /api/v1/volundr/users/:id
		DELETE /api/v1/volundr/users/:id
		POST /api/v1/volundr/users/:id/login-links
		GET /api/v1/volundr/users/:id/quota
		PUT /api/v1/volundr/users/:id/quota
		POST /users/:id/quota
		GET /api/v1/volundr/audit`,

	auth.Machine: `
		GET /tenants
		POST /tenants
		POST /tenants/:id/rename
		POST /tenants/:id/quota
		POST /tenants/:id/delete
		POST /users/:id/tenant
		GET /api/v1/volundr/tenants
		POST /api/v1/volundr/tenants
		GET /api/v1/volundr/tenants/:id
		PUT /api/v1/volundr/tenants/:id
		DELETE /api/v1/volundr/tenants/:id
		PUT /api/v1/volundr/users/:id/tenant
		GET /api/v1/volundr/audit/verify
		GET /api/v1/volundr/audit/export
		GET /api/v1/volundr/doctor
		POST /api/v1/volundr/image
		POST /image/build
		POST /api/v1/volundr/shutdown
		POST /api/v1/volundr/templates
		PUT /api/v1/volundr/templates/:name
		DELETE /api/v1/volundr/templates/:name
		POST /api/v1/volundr/profiles
		PUT /api/v1/volundr/profiles/:name
		DELETE /api/v1/volundr/profiles/:name`,
})

// byRoute turns lists of routes into a table by method and path.
func byRoute(lists map[auth.Right]string) map[string]auth.Right {
	out := map[string]auth.Right{}
	for right, list := range lists {
		for row := range strings.Lines(list) {
			if row = strings.TrimSpace(row); row == "" {
				continue
			}
			if _, twice := out[row]; twice {
				panic(fmt.Sprintf("the route %q has two rights", row))
			}
			out[row] = right
		}
	}
	return out
}

// rowsOf are the routes of a list.
func rowsOf(list string) map[string]bool {
	out := map[string]bool{}
	for row := range strings.Lines(list) {
		if row = strings.TrimSpace(row); row != "" {
			out[row] = true
		}
	}
	return out
}

// guarded lets nobody use a route that the table does not allow them, and nobody
// at all one that it does not know.
func guarded(e *echo.Echo) *echo.Echo {
	for _, r := range e.Routes() {
		if _, ok := rights[r.Method+" "+r.Path]; !ok && !public(r.Path) {
			e.Add(r.Method, r.Path, func(echo.Context) error {
				return fail(http.StatusForbidden, "Nobody may use this route: the table of rights does not know it.")
			})
		}
	}
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			right, ok := rights[c.Request().Method+" "+c.Path()]
			if !ok { // public, or no route
				return next(c)
			}
			if err := allowed(c, right); err != nil {
				return err
			}
			return next(c)
		}
	})
	return e
}

// allowed is 403, with what is missing, where the caller may not.
func allowed(c echo.Context, right auth.Right) error {
	login, _ := auth.LoginFrom(c.Request().Context())
	if why := auth.Refused(login, right); why != "" {
		return fail(http.StatusForbidden, "%s", why)
	}
	return nil
}

// may reports whether the caller may.
func may(c echo.Context, right auth.Right) bool { return allowed(c, right) == nil }
