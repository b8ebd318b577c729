package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/files"
	"volundr/daemon/launch"
	"volundr/daemon/source"
	"volundr/daemon/terminal"
	"volundr/daemon/vault"
	"volundr/runtime"
	"volundr/store"
	"volundr/ui/client"
)

// problem is an error that already knows its status and its words.
type problem struct {
	status int
	detail any // a sentence, or a list of fieldError
	// definition is what is to be confirmed first; nil: nothing.
	definition *client.Definition
}

func (p problem) Error() string { return fmt.Sprint(p.detail) }

func fail(status int, format string, args ...any) error {
	return problem{status: status, detail: fmt.Sprintf(format, args...)}
}

// fieldError is one entry of a 422 body.
type fieldError struct {
	Type  string         `json:"type"`
	Loc   []any          `json:"loc"`
	Msg   string         `json:"msg"`
	Input any            `json:"input"`
	Ctx   map[string]any `json:"ctx,omitempty"`
}

func invalid(errs ...fieldError) error {
	return problem{status: http.StatusUnprocessableEntity, detail: errs}
}

// unfit puts what launch and source say of a field into the contract's form.
// src is the source of the request. Other errors are told as they are.
func unfit(err error, src launch.Source) error {
	var field *launch.FieldError
	var check *source.CheckError
	switch {
	case errors.As(err, &field):
		return invalid(fieldError{Type: field.Type, Loc: locOf(field.Loc), Msg: field.Msg, Input: field.Input})
	case errors.As(err, &check) && check.Field == "repo":
		return fail(http.StatusUnprocessableEntity, "Repository validation failed for '%s': %s", src.Repo, check.Msg)
	case errors.As(err, &check):
		given := map[string]string{"branch": src.Branch, "base_branch": src.BaseBranch, "local_path": src.LocalPath}
		return invalid(fieldError{Type: "value_error", Loc: []any{"body", "source", src.Type, check.Field}, Msg: check.Msg, Input: given[check.Field]})
	}
	return fail(http.StatusUnprocessableEntity, "%s", err)
}

func locOf(loc []string) []any {
	out := make([]any, len(loc))
	for i, l := range loc {
		if n, err := strconv.Atoi(l); err == nil { // of a list
			out[i] = n
			continue
		}
		out[i] = l
	}
	return out
}

// table maps the sentinels of the packages below to statuses. What is not here
// is ours to mend: 500, logged once, and nothing of it is told.
var table = []struct {
	err    error
	status int
}{
	{store.ErrNotFound, http.StatusNotFound},
	{store.ErrConflict, http.StatusConflict},
	{store.ErrStale, http.StatusConflict},
	{store.ErrQuota, http.StatusTooManyRequests},
	{vault.ErrLocked, http.StatusServiceUnavailable},
	{runtime.ErrNotFound, http.StatusConflict},
	{runtime.ErrUnavailable, http.StatusServiceUnavailable},
	{runtime.ErrInvalid, http.StatusUnprocessableEntity},
	{runtime.ErrUnsupported, http.StatusNotImplemented},

	{files.ErrPath, http.StatusBadRequest},
	{files.ErrTop, http.StatusBadRequest},
	{files.ErrOutside, http.StatusBadRequest},
	{files.ErrKind, http.StatusBadRequest},
	{files.ErrName, http.StatusBadRequest},
	{files.ErrNotFound, http.StatusNotFound},
	{files.ErrDenied, http.StatusForbidden},
	{files.ErrFolder, http.StatusConflict},
	{files.ErrExists, http.StatusConflict},
	{files.ErrMoved, http.StatusConflict},
	{files.ErrRefused, http.StatusConflict},
	{files.ErrTooLarge, http.StatusRequestEntityTooLarge},
	{files.ErrFull, http.StatusInsufficientStorage},

	{terminal.ErrCLI, http.StatusBadRequest},
	{terminal.ErrShell, http.StatusBadRequest},
	{terminal.ErrName, http.StatusBadRequest},
	{terminal.ErrNotFound, http.StatusNotFound},
	{terminal.ErrTaken, http.StatusConflict},
	{terminal.ErrFolder, http.StatusConflict},
	{terminal.ErrAbsent, http.StatusConflict},
	{terminal.ErrTooLarge, http.StatusRequestEntityTooLarge},
	{terminal.ErrRefused, http.StatusBadGateway},
	{terminal.ErrSlow, http.StatusGatewayTimeout},
}

// answer gives the status and the detail that a client sees for an error.
func answer(err error) (status int, detail any, known bool) {
	var p problem
	if errors.As(err, &p) {
		return p.status, p.detail, true
	}
	var he *echo.HTTPError
	if errors.As(err, &he) {
		switch he.Code {
		case http.StatusNotFound:
			return he.Code, "Not Found", true
		case http.StatusMethodNotAllowed:
			return he.Code, "Method Not Allowed", true
		}
		return he.Code, fmt.Sprint(he.Message), true
	}
	if errors.Is(err, store.ErrFull) { // what the database says of it helps nobody
		return http.StatusInsufficientStorage, "The disk is full: free some space where Volundr's data lies and try again.", true
	}
	if status, detail, known := sandboxProblem(err); known {
		return status, detail, true
	}
	for _, row := range table {
		if errors.Is(err, row.err) {
			return row.status, err.Error(), true
		}
	}
	return http.StatusInternalServerError, "Internal error.", false
}

// definitionOf is what an error asks to confirm; nil: nothing.
func definitionOf(err error) *client.Definition {
	var p problem
	errors.As(err, &p)
	return p.definition
}

// onError writes the error of any handler: JSON for programs, a page for people.
func onError(log *slog.Logger, page func(c echo.Context, status int, detail string) error) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if c.Response().Committed || errors.Is(err, context.Canceled) {
			return
		}
		status, detail, known := answer(err)
		if !known {
			log.Error("Request failed", "method", c.Request().Method, "path", c.Path(), "error", err)
		}
		if after := retryAfter(status, err); after != "" {
			c.Response().Header().Set("Retry-After", after)
		}
		if isPage(c.Request()) {
			if text, ok := detail.(string); ok && page(c, status, text) == nil {
				return
			}
		}
		body := obj{"detail": detail}
		if strings.HasPrefix(c.Path(), terminalAPI) {
			body = terminalProblem(detail)
		}
		if d := definitionOf(err); d != nil {
			body["code"], body["definition"] = client.CodeUnconfirmed, d
		}
		if err := c.JSON(status, body); err != nil {
			log.Debug("Error not delivered", "error", err)
		}
	}
}
