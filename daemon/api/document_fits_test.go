package api

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// documented validates answers against a document.
type documented struct {
	t       *testing.T
	schemas *jsonschema.Compiler
}

func readDocument(t *testing.T, raw []byte) documented {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return documented{t, c}
}

// fits says what is wrong with the answer of a route ("GET /a/:id"), or "".
func (d documented) fits(method, route string, status int, body string) string {
	if body == "" {
		return ""
	}
	_, path, _ := strings.Cut(route, " ")
	path = regexp.MustCompile(`:(\w+)`).ReplaceAllString(Prefix+path, "{$1}")
	answer := fmt.Sprint(status)
	if status >= 400 {
		answer = "default"
	}
	at := fmt.Sprintf("openapi.json#/paths/%s/%s/responses/%s/content/application~1json/schema",
		strings.ReplaceAll(path, "/", "~1"), strings.ToLower(method), answer)
	schema, err := d.schemas.Compile(at)
	if err != nil {
		return err.Error()
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	if err := schema.Validate(v); err != nil {
		return err.Error()
	}
	return ""
}
