package api

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"volundr/ui"
)

// spec is what the pages show of an OpenAPI document.
type spec struct {
	Info  struct{ Title, Version, Description string }
	Tags  []group
	Paths map[string]map[string]struct {
		Summary     string
		Tags        []string
		Parameters  []struct{ Name, In, Description string }
		RequestBody struct{ Content content }
		Responses   map[string]struct{ Content content }
	}
	Components struct{ Schemas map[string]schema }
}

type group struct{ Name, Description string }

type content map[string]struct{ Schema schema }

// schema is as much of a JSON schema as a page can say in a line.
type schema struct {
	Ref         string            `json:"$ref"`
	Type        any               // a name, or several
	Format      string            //
	Description string            //
	Items       *schema           //
	AnyOf       []schema          `json:"anyOf"`
	OneOf       []schema          `json:"oneOf"`
	Properties  map[string]schema //
	Required    []string
}

// UnmarshalJSON takes `true` for a schema that allows anything.
func (s *schema) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return nil
	}
	type plain schema
	return json.Unmarshal(b, (*plain)(s))
}

// reference is a document of ours as its pages show it.
func reference(raw []byte) ui.Reference {
	var d spec
	if err := json.Unmarshal(raw, &d); err != nil {
		panic("an OpenAPI document that is embedded: " + err.Error()) // a test reads them both
	}
	out := ui.Reference{Title: d.Info.Title, Version: d.Info.Version, Description: d.Info.Description}
	if len(d.Tags) == 0 {
		d.Tags = append(d.Tags, group{Name: "Routes"})
	}
	operations := map[string][]ui.ReferenceOperation{} // by tag
	for path, methods := range d.Paths {
		for method, op := range methods {
			o := ui.ReferenceOperation{Method: strings.ToUpper(method), Path: path, Summary: op.Summary, Body: bodyKind(op.RequestBody.Content)}
			for _, p := range op.Parameters {
				if p.In == "query" {
					o.Query = append(o.Query, ui.ReferenceField{Name: p.Name, Description: p.Description})
				}
			}
			for status, r := range op.Responses {
				if status < "4" {
					o.Status, o.Answer = status, bodyKind(r.Content)
				}
			}
			name := append(op.Tags, d.Tags[0].Name)[0]
			operations[name] = append(operations[name], o)
		}
	}
	for _, t := range d.Tags {
		all := operations[t.Name]
		slices.SortFunc(all, func(a, b ui.ReferenceOperation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(rankOf(a.Method), rankOf(b.Method)))
		})
		out.Groups = append(out.Groups, ui.ReferenceGroup{Name: t.Name, Description: t.Description, Operations: all})
	}
	for name, s := range d.Components.Schemas {
		out.Shapes = append(out.Shapes, shapeOf(name, s))
	}
	slices.SortFunc(out.Shapes, func(a, b ui.ReferenceShape) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func rankOf(method string) int {
	return slices.Index([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method)
}

func shapeOf(name string, s schema) ui.ReferenceShape {
	out := ui.ReferenceShape{Name: name, Description: s.Description}
	for field, f := range s.Properties {
		out.Fields = append(out.Fields, ui.ReferenceField{Name: field, Description: f.Description, Kind: valueKind(f),
			Always: slices.Contains(s.Required, field)})
	}
	slices.SortFunc(out.Fields, func(a, b ui.ReferenceField) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// bodyKind names what a body is: a shape, or its media type.
func bodyKind(c content) ui.ReferenceKind {
	if body, ok := c["application/json"]; ok {
		return valueKind(body.Schema)
	}
	return ui.ReferenceKind{Text: strings.Join(slices.Sorted(maps.Keys(c)), ", ")}
}

// valueKind says a schema in a word or two.
func valueKind(s schema) ui.ReferenceKind {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return ui.ReferenceKind{Shape: name}
	}
	for _, one := range append(s.AnyOf, s.OneOf...) {
		if k := valueKind(one); k.Text != "null" {
			k.Null = len(s.AnyOf)+len(s.OneOf) > 1
			return k
		}
	}
	if s.Items != nil {
		k := valueKind(*s.Items)
		k.List = true
		return k
	}
	names, null := []string{}, false
	switch t := s.Type.(type) {
	case string:
		names = append(names, t)
	case []any:
		for _, n := range t {
			if name, ok := n.(string); ok && name != "null" {
				names = append(names, name)
			} else {
				null = true
			}
		}
	}
	text := strings.Join(names, " or ")
	if text == "" {
		text = "anything"
	}
	if s.Format != "" {
		text += ", " + s.Format
	}
	return ui.ReferenceKind{Text: text, Null: null}
}
