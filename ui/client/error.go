package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is an answer that was not a success. Its text is the server's sentence.
type Error struct {
	Status   int       // HTTP status
	Detail   string    // a sentence with the next step
	Problems []Problem // 422: what is wrong, field by field
	// Definition is what a 409 asks to confirm: of the repository of the session
	// that was to be created.
	Definition *Definition
	// RetryAfter is how long a 429 or 503 asks to wait; 0: it does not say.
	RetryAfter time.Duration
}

// Problem is one line of a 422's detail.
type Problem struct {
	Type  string         `json:"type"` // value_error, missing, …
	Loc   []any          `json:"loc"`  // ["body", "name"]
	Msg   string         `json:"msg"`
	Input any            `json:"input"`
	Ctx   map[string]any `json:"ctx,omitempty"`
}

// Sentences are what is wrong, field by field, a line each; else Detail.
func (e *Error) Sentences() string {
	if len(e.Problems) == 0 {
		return e.Detail
	}
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.Field()+": "+strings.TrimPrefix(p.Msg, "Value error, "))
	}
	return strings.Join(lines, "\n")
}

// Field is the last name of Loc: the field to show the message beside.
func (p Problem) Field() string {
	for i := len(p.Loc) - 1; i >= 0; i-- {
		if s, ok := p.Loc[i].(string); ok {
			return s
		}
	}
	return ""
}

// Error is the sentence.
func (e *Error) Error() string { return e.Detail }

// NotFound reports whether err says that there is no such thing.
func NotFound(err error) bool { return statusOf(err) == http.StatusNotFound }

// Unauthorized reports whether err asks for a (new) login.
func Unauthorized(err error) bool { return statusOf(err) == http.StatusUnauthorized }

func statusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// errorOf reads the error body: {"detail": "…"} or {"detail": [Problem…]}.
func errorOf(res *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	e := &Error{Status: res.StatusCode}
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	var body struct {
		Detail     json.RawMessage `json:"detail"`
		Definition *Definition     `json:"definition"`
	}
	if json.Unmarshal(b, &body) == nil && len(body.Detail) > 0 {
		e.Definition = body.Definition
		var values struct {
			Errors []string `json:"errors"` // of a credential
		}
		if json.Unmarshal(body.Detail, &values) == nil && len(values.Errors) > 0 {
			e.Detail = "The credential is not valid: " + strings.Join(values.Errors, "; ") + "."
		} else if json.Unmarshal(body.Detail, &e.Detail) != nil && json.Unmarshal(body.Detail, &e.Problems) == nil {
			var lines []string
			for _, p := range e.Problems {
				msg := strings.TrimPrefix(p.Msg, "Value error, ")
				if f := p.Field(); f != "" {
					msg = f + ": " + msg
				}
				lines = append(lines, msg)
			}
			e.Detail = strings.Join(lines, "; ")
		}
	}
	if e.Detail == "" {
		e.Detail = fmt.Sprintf("The daemon answered %d %s.", res.StatusCode, http.StatusText(res.StatusCode))
		if first, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n")); len(first) > 0 && len(first) < 200 {
			e.Detail += " It said: " + string(first)
		}
	}
	return e
}
