package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// rule is one field of a request's schema: take puts a value that is right where
// it belongs, or says what is wrong with it.
type rule struct {
	name string
	must bool
	take func(v any, loc []any) []fieldError
}

// maxProgram bounds the JSON bodies of the sandbox API: they hold programs.
const maxProgram = 16 << 20

// strict reads a JSON body by its rules, without coercing anything that a rule
// does not. Fields without a rule are ignored. All that is wrong is told at
// once, as clients of the contract expect it.
func strict(c echo.Context, rules ...rule) error {
	r := c.Request()
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, maxProgram))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fail(http.StatusRequestEntityTooLarge, "The request is larger than %d bytes.", maxProgram)
	case err != nil:
		return fail(http.StatusBadRequest, "There was an error parsing the body")
	case len(raw) == 0:
		return invalid(fieldError{Type: "missing", Loc: []any{"body"}, Msg: "Field required"})
	case !isJSON(r.Header.Get("Content-Type")):
		return invalid(notObject(string(raw), []any{"body"}))
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var body any
	if err = dec.Decode(&body); err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("Extra data")
		}
	}
	if err != nil {
		return invalid(fieldError{Type: "json_invalid", Loc: []any{"body", dec.InputOffset()}, Msg: "JSON decode error",
			Input: map[string]any{}, Ctx: map[string]any{"error": err.Error()}})
	}
	if body == nil {
		return invalid(fieldError{Type: "missing", Loc: []any{"body"}, Msg: "Field required"})
	}
	if errs := fields(body, []any{"body"}, rules); len(errs) > 0 {
		return invalid(errs...)
	}
	return nil
}

// isJSON reports whether a content type is JSON. None at all counts as such.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}

func fields(v any, loc []any, rules []rule) (errs []fieldError) {
	object, ok := v.(map[string]any)
	if !ok {
		return []fieldError{notObject(v, loc)}
	}
	for _, r := range rules {
		at := append(slices.Clone(loc), r.name)
		value, ok := object[r.name]
		switch {
		case ok:
			errs = append(errs, r.take(value, at)...)
		case r.must:
			errs = append(errs, fieldError{Type: "missing", Loc: at, Msg: "Field required", Input: v})
		}
	}
	return errs
}

func notObject(v any, loc []any) fieldError {
	return fieldError{Type: "model_attributes_type", Loc: loc, Msg: "Input should be a valid dictionary or object to extract fields from", Input: v}
}

// text takes a string and nothing else.
func text(to *string) func(any, []any) []fieldError {
	return func(v any, loc []any) []fieldError {
		s, ok := v.(string)
		if !ok {
			return []fieldError{{Type: "string_type", Loc: loc, Msg: "Input should be a valid string", Input: v}}
		}
		*to = s
		return nil
	}
}

// maybe takes a string or null.
func maybe(to **string) func(any, []any) []fieldError {
	return func(v any, loc []any) []fieldError {
		if v == nil {
			*to = nil
			return nil
		}
		var s string
		errs := text(&s)(v, loc)
		*to = &s
		return errs
	}
}

// whole takes a whole number from least to most; it must be written as one.
func whole(to *int, least, most int) func(any, []any) []fieldError {
	return func(v any, loc []any) []fieldError {
		n, ok := v.(json.Number)
		if !ok || strings.ContainsAny(n.String(), ".eE") {
			return []fieldError{{Type: "int_type", Loc: loc, Msg: "Input should be a valid integer", Input: v}}
		}
		i, err := n.Int64()
		if err != nil { // beyond 64 bits
			i = math.MaxInt64
			if strings.HasPrefix(n.String(), "-") {
				i = math.MinInt64
			}
		}
		if i < int64(least) {
			return []fieldError{{Type: "greater_than_equal", Loc: loc, Input: v, Ctx: map[string]any{"ge": least},
				Msg: fmt.Sprintf("Input should be greater than or equal to %d", least)}}
		}
		if i > int64(most) {
			return []fieldError{{Type: "less_than_equal", Loc: loc, Input: v, Ctx: map[string]any{"le": most},
				Msg: fmt.Sprintf("Input should be less than or equal to %d", most)}}
		}
		*to = int(i)
		return nil
	}
}

// decimal takes a number from least to most.
func decimal(to *float64, least, most float64) func(any, []any) []fieldError {
	return func(v any, loc []any) []fieldError {
		n, ok := v.(json.Number)
		f, err := n.Float64()
		switch {
		case !ok || err != nil:
			return []fieldError{{Type: "float_type", Loc: loc, Msg: "Input should be a valid number", Input: v}}
		case f < least:
			return []fieldError{{Type: "greater_than_equal", Loc: loc, Input: v, Ctx: map[string]any{"ge": least},
				Msg: fmt.Sprintf("Input should be greater than or equal to %g", least)}}
		case f > most:
			return []fieldError{{Type: "less_than_equal", Loc: loc, Input: v, Ctx: map[string]any{"le": most},
				Msg: fmt.Sprintf("Input should be less than or equal to %g", most)}}
		}
		*to = f
		return nil
	}
}

// yes takes a boolean, and what the contract's original takes for one.
func yes(to *bool) func(any, []any) []fieldError {
	return func(v any, loc []any) []fieldError {
		switch x := v.(type) {
		case bool:
			*to = x
			return nil
		case json.Number:
			if f, err := x.Float64(); err == nil && (f == 0 || f == 1) {
				*to = f == 1
				return nil
			}
		case string:
			switch strings.ToLower(x) {
			case "1", "on", "t", "true", "y", "yes":
				*to = true
				return nil
			case "0", "off", "f", "false", "n", "no":
				*to = false
				return nil
			}
		default:
			return []fieldError{{Type: "bool_type", Loc: loc, Msg: "Input should be a valid boolean", Input: v}}
		}
		return []fieldError{{Type: "bool_parsing", Loc: loc, Msg: "Input should be a valid boolean, unable to interpret input", Input: v}}
	}
}

// choice takes one of some words.
func choice(to *string, words ...string) func(any, []any) []fieldError {
	return func(v any, loc []any) []fieldError {
		if s, ok := v.(string); ok && slices.Contains(words, s) {
			*to = s
			return nil
		}
		expected := "'" + strings.Join(words, "' or '") + "'"
		return []fieldError{{Type: "literal_error", Loc: loc, Msg: "Input should be " + expected, Input: v, Ctx: map[string]any{"expected": expected}}}
	}
}

// each takes a list; item gives the rules of the next object in it.
func each(item func() []rule) func(any, []any) []fieldError {
	return func(v any, loc []any) (errs []fieldError) {
		list, ok := v.([]any)
		if !ok {
			return []fieldError{{Type: "list_type", Loc: loc, Msg: "Input should be a valid list", Input: v}}
		}
		for i, one := range list {
			errs = append(errs, fields(one, append(slices.Clone(loc), i), item())...)
		}
		return errs
	}
}
