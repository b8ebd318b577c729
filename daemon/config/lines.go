package config

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// step is how many columns a new level is set in.
const step = 2

// put writes a value on the line of its key, or adds the key below the last
// one that is there on the way to it.
func put(raw []byte, path []string, value string) ([]byte, error) {
	file, err := parser.ParseBytes(raw, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	if last := len(lines) - 1; len(lines[last]) == 0 {
		lines = lines[:last]
	} else {
		lines[last] = append(bytes.Clone(lines[last]), '\n')
	}
	var at ast.Node // the mapping to look in; nil: nothing is there yet
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.NullType && doc.Body.Type() != ast.CommentType && doc.Body.Type() != ast.CommentGroupType {
			at = doc.Body
			break
		}
	}
	end, indent := len(lines), 0
	for i, key := range path {
		all := pairs(at)
		if len(all) > 0 {
			indent = all[0].Key.GetToken().Position.Column - 1
		}
		pair := find(all, key)
		if pair == nil {
			return splice(lines, end, end, fresh(path[i:], indent, value)), nil
		}
		if flow, ok := at.(*ast.MappingNode); ok && flow.IsFlowStyle {
			return nil, fmt.Errorf("%s stands between braces in line %d: write it there by hand", strings.Join(path[:i+1], "."), pair.Key.GetToken().Position.Line)
		}
		line := pair.Key.GetToken().Position.Line - 1
		indent = pair.Key.GetToken().Position.Column - 1
		end = blockEnd(lines, line, indent, pair.Value)
		if i == len(path)-1 {
			return splice(lines, line, end, keep(lines[line], pair, indent+len(key), value)), nil
		}
		at = pair.Value
		indent += step
	}
	return raw, nil
}

func pairs(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func find(all []*ast.MappingValueNode, key string) *ast.MappingValueNode {
	for _, p := range all {
		if p.Key.GetToken().Value == key {
			return p
		}
	}
	return nil
}

// blockEnd is the line after what belongs to the key in a line: what is set in
// further than it, and items of a list at its side. Comments and empty lines
// at the end belong to what follows.
func blockEnd(lines [][]byte, line, indent int, value ast.Node) int {
	_, list := value.(*ast.SequenceNode)
	end := line + 1
	for i := line + 1; i < len(lines); i++ {
		text := bytes.TrimRight(lines[i], " \t\r\n")
		in := len(text) - len(bytes.TrimLeft(text, " "))
		if len(text) == 0 {
			continue
		}
		if in <= indent && !(list && in == indent && text[in] == '-') {
			break
		}
		end = i + 1
	}
	return end
}

// keep is a key's line with another value; a comment behind the value stays.
func keep(line []byte, pair *ast.MappingValueNode, afterKey int, value string) string {
	text := strings.TrimRight(string(line), "\r\n")
	colon := afterKey + strings.Index(text[min(afterKey, len(text)):], ":")
	tail := ""
	if c := commentOn(pair, pair.Key.GetToken().Position.Line); c > 0 && c-1 <= len(text) {
		tail = " " + text[c-1:]
	}
	return text[:colon+1] + " " + value + tail + "\n"
}

// commentOn is the column of a comment in a line of a pair; 0: there is none.
func commentOn(pair *ast.MappingValueNode, line int) (column int) {
	for t := pair.Key.GetToken(); t != nil && t.Position.Line <= line; t = t.Next {
		if t.Position.Line == line && t.Origin != "" && strings.HasPrefix(strings.TrimLeft(t.Origin, " \t"), "#") && t.Type.String() == "Comment" {
			return t.Position.Column
		}
	}
	return 0
}

// fresh are the lines of keys that were not there.
func fresh(path []string, indent int, value string) string {
	var b strings.Builder
	for i, key := range path {
		b.WriteString(strings.Repeat(" ", indent+i*step) + key + ":")
		if i == len(path)-1 {
			b.WriteString(" " + value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func splice(lines [][]byte, from, to int, text string) []byte {
	out := bytes.Join(lines[:from], nil)
	out = append(out, text...)
	return append(out, bytes.Join(lines[to:], nil)...)
}
