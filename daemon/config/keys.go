package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"volundr/daemon/spelling"
)

// unknown are the keys of a file that are no settings, each as "file:line: …".
// A text that is no YAML has none.
func unknown(name string, raw []byte) (out []string) {
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return nil
	}
	for _, doc := range file.Docs {
		if doc.Body != nil {
			unknownIn(doc.Body, reflect.TypeFor[Config](), func(line int, key string, t reflect.Type) {
				out = append(out, fmt.Sprintf("%s:%d: %s", name, line, strange(key, t)))
			})
		}
	}
	return out
}

func unknownIn(n ast.Node, t reflect.Type, found func(line int, key string, t reflect.Type)) {
	switch n := n.(type) {
	case *ast.SequenceNode:
		if t.Kind() == reflect.Slice {
			for _, e := range n.Values {
				unknownIn(e, t.Elem(), found)
			}
		}
	case *ast.MappingNode:
		for _, pair := range n.Values {
			unknownIn(pair, t, found)
		}
	case *ast.MappingValueNode:
		key := n.Key.GetToken()
		if inner, ok := below(t, key.Value); ok {
			unknownIn(n.Value, inner, found)
		} else if t.Kind() == reflect.Struct {
			found(key.Position.Line, key.Value, t)
		}
	}
}

// below is the type of what stands under a key.
func below(t reflect.Type, key string) (reflect.Type, bool) {
	switch t.Kind() {
	case reflect.Map:
		return t.Elem(), true
	case reflect.Struct:
		inner, ok := settings(t)[key]
		return inner, ok
	}
	return nil, false
}

// settings are a struct's, by their names in the file.
func settings(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" && name != "-" {
			if out[name] = f.Type; f.Type.Kind() == reflect.Pointer { // a section that may be missing
				out[name] = f.Type.Elem()
			}
		}
	}
	return out
}

// strange says that a key is none of t's, and which may have been meant.
func strange(key string, t reflect.Type) string {
	known := slices.Sorted(maps.Keys(settings(t)))
	if near := spelling.Nearest(key, known); near != "" {
		return fmt.Sprintf("there is no setting %q here: did you mean %q?", key, near)
	}
	return fmt.Sprintf("there is no setting %q here: there are %s", key, strings.Join(known, ", "))
}

// typeOf is the type of a setting, by the names on the way to it.
func typeOf(path []string) (reflect.Type, error) {
	t := reflect.TypeFor[Config]()
	for i, key := range path {
		inner, ok := below(t, key)
		switch {
		case ok:
			t = inner
		case t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Duration]():
			where := ""
			if i > 0 {
				where = " in " + strings.Join(path[:i], ".")
			}
			return nil, fmt.Errorf("%s", strings.Replace(strange(key, t), " here", where, 1))
		default:
			return nil, fmt.Errorf("%s is a value of its own: there is nothing called %q in it", strings.Join(path[:i], "."), key)
		}
	}
	return t, nil
}
