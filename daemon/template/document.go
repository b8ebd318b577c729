package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxDocument bounds a YAML text, in bytes.
const maxDocument = 1 << 20

// maxDepth bounds its nesting.
const maxDepth = 16

// document is a YAML mapping as JSON's values, and the line of every one.
type document struct {
	root     map[string]any
	lines    map[string]int // by path
	problems []Problem      // without a file
}

// at is a path in a document.
func at(path []string) string { return strings.Join(path, "\x00") }

// read takes one mapping. What it cannot take is a problem, and there is more
// than one where that is possible.
func read(text []byte) *document {
	d := &document{root: map[string]any{}, lines: map[string]int{}}
	if len(text) > maxDocument {
		d.bad(0, "the text is larger than 1 MiB")
		return d
	}
	if depth(text) > maxDepth {
		d.bad(0, "values are nested deeper than %d", maxDepth)
		return d
	}
	file, err := parser.ParseBytes(text, 0)
	var yerr yaml.Error
	switch {
	case errors.As(err, &yerr) && yerr.GetToken() != nil:
		d.bad(yerr.GetToken().Position.Line, "%s", yerr.GetMessage())
		return d
	case err != nil:
		d.bad(0, "%s", err)
		return d
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.NullType && doc.Body.Type() != ast.CommentType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch {
	case len(bodies) == 0:
	case len(bodies) > 1:
		d.bad(line(bodies[1]), "there is more than one document in it")
	default:
		root, ok := d.value(bodies[0], nil).(map[string]any)
		if !ok && len(d.problems) == 0 {
			d.bad(line(bodies[0]), "this is not a list of keys with their values")
		}
		if ok {
			d.root = root
		}
	}
	return d
}

// depth is how deep brackets, or lists begun in one line, nest at most: the
// parser is recursive.
func depth(text []byte) int {
	now, most, begun := 0, 0, 0
	for i, c := range text {
		if c != ' ' && c != '\t' {
			if begun++; c == '\n' || c != '-' && c != '?' || i+1 < len(text) && text[i+1] != ' ' && text[i+1] != '\t' {
				begun = 0
			}
			most = max(most, begun)
		}
		switch c {
		case '[', '{':
			now++
			most = max(most, now)
		case ']', '}':
			now = max(0, now-1)
		}
	}
	// What stands in texts does not count, and nobody closes all of those.
	if most > maxDepth && most < 500 {
		return 0
	}
	return most
}

func (d *document) bad(line int, format string, args ...any) {
	d.problems = append(d.problems, Problem{Line: line, Msg: fmt.Sprintf(format, args...)})
}

func line(n ast.Node) int {
	if n == nil || n.GetToken() == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// value is a node as JSON would have it.
func (d *document) value(n ast.Node, path []string) any {
	if len(path) > maxDepth {
		d.bad(line(n), "values are nested deeper than %d", maxDepth)
		return nil
	}
	if _, ok := d.lines[at(path)]; !ok {
		d.lines[at(path)] = line(n)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		out := map[string]any{}
		for _, pair := range n.Values {
			d.pair(out, pair, path)
		}
		return out
	case *ast.MappingValueNode:
		out := map[string]any{}
		d.pair(out, n, path)
		return out
	case *ast.SequenceNode:
		out := make([]any, len(n.Values))
		for i, v := range n.Values {
			out[i] = d.value(v, append(path[:len(path):len(path)], fmt.Sprint(i)))
		}
		return out
	case *ast.NullNode, nil:
		return nil
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.BoolNode:
		if written(path) {
			return n.GetToken().Value
		}
		return n.Value
	case *ast.IntegerNode, *ast.FloatNode:
		if written(path) {
			return n.GetToken().Value
		}
		return d.number(n)
	}
	d.bad(line(n), "anchors, aliases, tags and the like are not taken here: write the value itself")
	return nil
}

// written reports whether a value is taken as it is written: a variable's is a
// text, also where it looks like a number.
func written(path []string) bool {
	if len(path) > 2 && path[0] == "services" {
		return path[2] == "env" || path[2] == "command" || path[2] == "memory"
	}
	return len(path) == 2 && path[0] == "env" || len(path) > 0 && (path[0] == "command" || path[0] == "mcp_servers")
}

func (d *document) number(n ast.Node) any {
	switch v := n.(ast.ScalarNode).GetValue().(type) {
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
	case int64:
		return v
	case uint64:
		return v
	}
	d.bad(line(n), "%s is not a number that can be used here", n.GetToken().Value)
	return nil
}

func (d *document) pair(into map[string]any, pair *ast.MappingValueNode, path []string) {
	key, ok := pair.Key.(ast.ScalarNode)
	if _, merge := pair.Key.(*ast.MergeKeyNode); !ok || merge {
		d.bad(line(pair.Key), "anchors, aliases, tags and the like are not taken here: write the value itself")
		return
	}
	name := key.GetToken().Value
	below := append(path[:len(path):len(path)], name)
	d.lines[at(below)] = line(pair.Key)
	if _, twice := into[name]; twice {
		d.bad(line(pair.Key), "the key %q stands here twice", name)
		return
	}
	into[name] = d.value(pair.Value, below)
}

// decode puts the document into a value, which its keys must fit.
func (d *document) decode(into any) {
	if len(d.problems) > 0 {
		return
	}
	raw, err := json.Marshal(said(d.root))
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		field := strings.TrimPrefix(kind.Field, "Request.") // embedded
		d.bad(d.line(strings.Split(field, ".")), "%s cannot be %s here", field, article(kind.Value))
	case err != nil:
		d.bad(0, "%s", err)
	}
}

// said leaves out keys without a value: they say nothing.
func said(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e == nil {
				delete(v, k)
			} else {
				said(e)
			}
		}
	case []any:
		for _, e := range v {
			said(e)
		}
	}
	return v
}

func article(kind string) string {
	switch kind {
	case "array":
		return "a list"
	case "object":
		return "a mapping"
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	}
	return "a " + kind
}

// line is where a path stands, or the nearest thing around it.
func (d *document) line(path []string) int {
	for ; len(path) > 0; path = path[:len(path)-1] {
		if l, ok := d.lines[at(path)]; ok && l > 0 {
			return l
		}
	}
	return 0
}
