package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/invopop/jsonschema"
	"github.com/labstack/echo/v4"
)

var update = flag.Bool("update", false, "write the document anew")

// tags are the document's groups by the first word of a path.
var tags = []struct{ name, text, words string }{
	{"Sessions", "Isolated environments, each with an agent, an editor, a terminal and a workspace.", "sessions"},
	{"Conversation", "What is said in a session.", "messages answers cancel conversation checkpoints inbox s"},
	{"Changes", "What differs in a running session's workspace, and reviews of it.", "changes diff commits comments review"},
	{"Git", "The way of a session's work to its remote, and into a pull request.", "branch push pr repos providers"},
	{"Chronicles", "What runs left: kept when their sessions are gone.", "chronicles chronicle storage"},
	{"Events", "Events that programs report.", "events"},
	{"Launching", "What sessions are begun from.", "templates profiles presets prompts trusts integrations mcp-servers"},
	{"Credentials", "Kept encrypted, given to sessions, never given out.", "credentials secrets"},
	{"Users", "Who may come in, and with what.", "users tokens quota audit"},
	{"Server", "The daemon itself.", "models stats me feature-flags features niuu status doctor found image login-links shutdown"},
}

func tagOf(path string) string {
	words := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(words) > 2 && words[0] == "sessions" { // /sessions/{id}/diff
		words = slices.Insert(words[2:], len(words)-2, words[0])
	}
	for _, w := range words {
		for _, t := range tags {
			if slices.Contains(strings.Fields(t.words), w) {
				return t.name
			}
		}
	}
	return "Server"
}

// TestTheDocument makes the document from the table of operations, the types of
// their bodies and the sandbox API's own, and compares it with the one that is
// served. `make generate` writes it.
func TestTheDocument(t *testing.T) {
	made := writeDocument(t)
	if *update {
		if err := os.WriteFile("openapi.json", made, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(made, document) {
		t.Error("openapi.json is not as the routes and types say: run make generate.")
	}
}

// TestEveryRouteIsInTheDocument, and the other way round. What a browser loads
// as a page or posts as a form is not for programs.
func TestEveryRouteIsInTheDocument(t *testing.T) {
	parameter := regexp.MustCompile(`:(\w+)`)
	for name, c := range map[string]struct {
		router *echo.Echo
		raw    []byte
	}{
		"all":     {serving(newWorld(t).options).router(), document},
		"sandbox": {sandboxRouter(serving(newWorld(t).options)), sandboxDocument},
	} {
		var d struct{ Paths map[string]map[string]any }
		if err := json.Unmarshal(c.raw, &d); err != nil {
			t.Fatal(err)
		}
		told := map[string]bool{}
		for path, methods := range d.Paths {
			for method := range methods {
				told[strings.ToUpper(method)+" "+regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "{}")] = true
			}
		}
		for _, r := range c.router.Routes() {
			page := !slices.ContainsFunc([]string{Prefix + "/", TokenPrefix, "/api/v1/niuu/", "/v1/", "/health", "/livez", "/readyz", "/s/"}, func(p string) bool { return strings.HasPrefix(r.Path, p) })
			below := strings.HasPrefix(r.Path, "/s/") && strings.HasSuffix(r.Path, "/*") // of a surface
			if r.Method == echo.RouteNotFound || page || below {
				continue
			}
			key := r.Method + " " + strings.ReplaceAll(parameter.ReplaceAllString(r.Path, "{}"), "*", "{}")
			if !told[key] {
				t.Errorf("%s: the document does not tell of %s %s", name, r.Method, r.Path)
			}
			delete(told, key)
		}
		for key := range told {
			t.Errorf("%s: the document tells of %s, which is not served", name, key)
		}
	}
}

// writeDocument makes the document.
func writeDocument(t *testing.T) []byte {
	var d map[string]any
	if err := json.Unmarshal(sandboxDocument, &d); err != nil {
		t.Fatal(err)
	}
	paths := d["paths"].(map[string]any)
	problem := d["components"].(map[string]any)["schemas"].(map[string]any)["HTTPError"].(map[string]any)["properties"].(map[string]any)["detail"].(map[string]any)
	problem["anyOf"] = append(problem["anyOf"].([]any), map[string]any{"type": "object", "description": "of credentials: errors, a list of sentences"})
	schemas := newShapes(t, d["components"].(map[string]any)["schemas"].(map[string]any))
	for _, methods := range paths {
		for _, op := range methods.(map[string]any) {
			op.(map[string]any)["tags"] = []string{"Sandboxes"}
		}
	}
	for _, o := range operations {
		method, path, _ := strings.Cut(o.do, " ")
		op := map[string]any{"summary": o.summary, "tags": []string{tagOf(path)}, "parameters": parameters(path, o.query)}
		if o.in != nil {
			op["requestBody"] = map[string]any{"content": jsonOf(schemas.of(o.in))}
		}
		success := map[string]any{"description": "Success"}
		if o.out != nil {
			success["content"] = jsonOf(schemas.of(o.out))
		} else if o.media != "" {
			success["content"] = map[string]any{o.media: map[string]any{"schema": map[string]any{"type": "string"}}}
		}
		status := o.status
		if status == 0 {
			status = 200
		}
		op["responses"] = map[string]any{strconv.Itoa(status): success,
			"default": map[string]any{"description": "Error", "content": jsonOf(map[string]any{"$ref": "#/components/schemas/HTTPError"})}}
		if !strings.HasPrefix(path, "/s/") && !strings.HasPrefix(path, "/api/") {
			path = Prefix + path
		}
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		if paths[path].(map[string]any)[strings.ToLower(method)] != nil {
			t.Errorf("%s is told of twice", o.do)
		}
		paths[path].(map[string]any)[strings.ToLower(method)] = op
	}
	d["info"] = map[string]any{"title": "Volundr", "version": contractVersion,
		"description": "Sessions with coding agents, their chronicles, and sandboxes for programs. Every request carries a bearer token: the one that lies in the token_file of volundr status --json, or a personal one (volundr tokens create)."}
	groups := []map[string]string{}
	for _, g := range tags {
		groups = append(groups, map[string]string{"name": g.name, "description": g.text})
	}
	d["tags"] = append(groups, map[string]string{"name": "Sandboxes", "description": "Throw-away containers for programs: commands, Python, files, deadlines."})
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(d); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func jsonOf(schema any) map[string]any {
	return map[string]any{"application/json": map[string]any{"schema": schema}}
}

func parameters(path string, query []string) []map[string]any {
	out := []map[string]any{}
	text := map[string]any{"type": "string"}
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		out = append(out, map[string]any{"name": m[1], "in": "path", "required": true, "schema": text})
	}
	for i := 0; i+1 < len(query); i += 2 {
		out = append(out, map[string]any{"name": query[i], "in": "query", "description": query[i+1], "schema": text})
	}
	return out
}

// shapes are the schemas of Go types, with their comments.
type shapes struct {
	t       *testing.T
	reflect *jsonschema.Reflector
	all     map[string]any
	types   map[string]reflect.Type
}

func newShapes(t *testing.T, all map[string]any) *shapes {
	s := &shapes{t: t, all: all, types: map[string]reflect.Type{}}
	s.reflect = &jsonschema.Reflector{AllowAdditionalProperties: true, Anonymous: true, Namer: func(of reflect.Type) string {
		if of.Name() == "" {
			return ""
		}
		name := strings.ToUpper(of.Name()[:1]) + of.Name()[1:]
		if was := s.types[name]; was != nil && was != of {
			t.Errorf("two types are called %s: %v, %v", name, was, of)
		}
		s.types[name] = of
		return name
	}}
	t.Chdir(filepath.Join("..", "..")) // names of packages are made of paths
	for _, dir := range []string{"ui/client", "runtime/broker/wire", "daemon/vault", "daemon/api"} {
		if err := s.reflect.AddGoComments("volundr", dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join("daemon", "api"))
	for key, text := range s.reflect.CommentMap {
		text = strings.Join(strings.Fields(text), " ")
		s.reflect.CommentMap[key] = strings.TrimSuffix(text, "Ours.") // heads what follows it
	}
	return s
}

// of is the schema of a value's type.
func (s *shapes) of(v any) any {
	made, err := json.Marshal(s.reflect.ReflectFromType(reflect.TypeOf(v)))
	if err != nil {
		s.t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(bytes.ReplaceAll(made, []byte("#/$defs/"), []byte("#/components/schemas/")), &schema); err != nil {
		s.t.Fatal(err)
	}
	defs, _ := schema["$defs"].(map[string]any)
	for name, def := range defs {
		d := def.(map[string]any)
		s.finish(s.types[name], d)
		if was, ok := s.all[name]; ok && !reflect.DeepEqual(was, def) {
			s.t.Errorf("two shapes are called %s", name)
		}
		s.all[name] = def
	}
	delete(schema, "$defs")
	delete(schema, "$schema")
	return schema
}

// finish says what reflection does not: which fields may be null, and unions.
func (s *shapes) finish(of reflect.Type, def map[string]any) {
	properties, _ := def["properties"].(map[string]any)
	for _, f := range reflect.VisibleFields(of) {
		if unicode.IsLower(rune(of.Name()[0])) {
			break // what is asked for: a pointer tells what is absent
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if p, ok := properties[name].(map[string]any); ok && f.Type.Kind() == reflect.Pointer && options != "omitempty" {
			text := p["description"]
			delete(p, "description")
			nullable := map[string]any{"anyOf": []any{maps.Clone(p), map[string]any{"type": "null"}}}
			if text != nil {
				nullable["description"] = text
			}
			properties[name] = nullable
		}
	}
	switch of.Name() {
	case "Source": // a union: only the fields of its type are there
		def["required"] = []any{"type"}
	case "File":
		def["description"] = fmt.Sprint(def["description"], " A name alone is a file that keeps it.")
		def["type"] = []any{"object", "string"}
	}
}

// TestThePagesHaveEveryRoute: what the document tells of stands on its pages, once.
func TestThePagesHaveEveryRoute(t *testing.T) {
	for name, raw := range map[string][]byte{"all": document, "sandbox": sandboxDocument} {
		var d struct{ Paths map[string]map[string]any }
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		told := map[string]bool{}
		for _, g := range reference(raw).Groups {
			for _, o := range g.Operations {
				key := strings.ToLower(o.Method) + " " + o.Path
				if told[key] || o.Status == "" {
					t.Errorf("%s: %s stands there twice, or without a status: %q", name, key, o.Status)
				}
				told[key] = true
			}
		}
		for path, methods := range d.Paths {
			for method := range methods {
				if !told[method+" "+path] {
					t.Errorf("%s: %s %s stands nowhere", name, method, path)
				}
			}
		}
	}
}
