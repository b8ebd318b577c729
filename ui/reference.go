package ui

import "strings"

// Reference is an API as its pages tell it: operations by group, then the
// shapes of what is sent and answered.
type Reference struct {
	Title, Version, Description string
	Groups                      []ReferenceGroup
	Shapes                      []ReferenceShape
}

// ReferenceGroup is what belongs together.
type ReferenceGroup struct {
	Name, Description string
	Operations        []ReferenceOperation
}

// ReferenceOperation is a method of a path.
type ReferenceOperation struct {
	Method, Path, Summary string
	Query                 []ReferenceField
	Body, Answer          ReferenceKind // Text and Shape empty: there is none
	Status                string        // when it succeeds
}

// ReferenceShape is an object by its fields.
type ReferenceShape struct {
	Name, Description string
	Fields            []ReferenceField
}

// ReferenceField is a field of a shape, or a parameter.
type ReferenceField struct {
	Name, Description string
	Kind              ReferenceKind
	Always            bool // it is always there
}

// ReferenceKind is the kind of a value: a shape by name, or a word.
type ReferenceKind struct {
	Shape, Text string
	List, Null  bool // many of them; or null
}

func (k ReferenceKind) none() bool { return k.Shape == "" && k.Text == "" }

// anchor is the id of a group's heading.
func anchor(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }
