package template

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"volundr/daemon/spelling"
)

// unknown finds the keys of a document that t, a struct read from JSON, does
// not have.
func (d *document) unknown(v any, t reflect.Type, path []string, refused []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := v.(type) {
	case []any:
		if t.Kind() == reflect.Slice {
			for i, e := range v {
				d.unknown(e, t.Elem(), append(path[:len(path):len(path)], fmt.Sprint(i)), nil)
			}
		}
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return
		}
		known := fields(t)
		for _, name := range refused {
			delete(known, name)
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			below := append(path[:len(path):len(path)], name)
			if f, ok := known[name]; ok {
				d.unknown(v[name], f, below, nil)
				continue
			}
			d.bad(d.line(below), "there is no key %q here%s", name, meant(name, slices.Sorted(maps.Keys(known))))
		}
	}
}

// fields are a struct's, by their names in JSON.
func fields(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			maps.Copy(out, fields(f.Type))
		} else if name != "" && name != "-" {
			out[name] = f.Type
		}
	}
	return out
}

// elsewhere says where something is set that people look for here.
var elsewhere = map[string]string{
	"template_name": "a template is not made of another one",
	"preset_id":     "it belongs to one session",
	"from":          "it belongs to one session",
	"definition":    "it belongs to one session",
	"issue_id":      "it belongs to one session",
	"issue_url":     "it belongs to one session",
	"workspace_id":  "it belongs to one session",
	"name":          "the file's name is its name",
	"repo":          "a repository is written as source: {repo: URL}",
	"branch":        "a branch is written as source: {branch: NAME}",
	"repos":         "several are written as source: {repo: URL, additional_repos: [{repo: URL}]}",
	"repositories":  "several are written as source: {repo: URL, additional_repos: [{repo: URL}]}",
	"resources":     "resources are written as resource_config",
	"env_vars":      "variables are written as env",
	"setup":         "scripts are written as setup_scripts",
	"profile":       "a profile is named by profile_name",
	"cpu":           "it is written as resource_config: {cpu: 2}",
	"memory":        "it is written as resource_config: {memory: 4Gi}",
}

// meant names what a word may have been meant to be.
func meant(word string, known []string) string {
	if hint, ok := elsewhere[word]; ok {
		return ": " + hint
	}
	if best := spelling.Nearest(word, known); best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": there are " + strings.Join(known, ", ")
}
