package ui

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"volundr/ui/client"
)

// ToolLook is a tool call in one line, and what lies under it.
type ToolLook struct {
	Verb   string // "Edit"
	Target string // "cmd/main.go"
	Code   bool   // Target is code
	Status string // pending, in_progress, completed, failed, cancelled
	Took   time.Duration
	Ins    int
	Del    int
	Diffs  []Diff
	Output []ToolOutput
	Input  string // in full, for permissions and where there is nothing better
}

// ToolOutput is one piece of what a tool gave.
type ToolOutput struct {
	Text    string
	Image   string // data: URL
	Omitted int    // lines left out
	Body    string // hash of the whole
	Size    int
}

const (
	outputLines = 120
	outputBytes = 16 << 10
	maxImage    = 4 << 20
)

var verbs = map[string]string{
	"read": "Read", "edit": "Edit", "delete": "Delete", "move": "Move", "search": "Search",
	"execute": "Run", "think": "Think", "fetch": "Fetch",
}

// images are the kinds of picture that are shown: none that can hold a script.
var images = map[string]bool{"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true}

// toolLook reads a tool call for people.
func toolLook(t client.Tool) ToolLook {
	look := ToolLook{Verb: verbs[t.Kind], Status: t.Status, Input: pretty(t.Input)}
	if t.StartedAt > 0 && t.EndedAt >= t.StartedAt {
		look.Took = time.Duration(t.EndedAt-t.StartedAt) * time.Millisecond
	}
	look.Target, look.Code = target(t)
	if look.Verb == "" {
		look.Verb = "Tool"
	}
	for _, c := range t.Content {
		switch {
		case c.Type == "diff" && c.Body == "":
			d := DiffOf(c)
			look.Ins, look.Del = look.Ins+d.Ins, look.Del+d.Del
			look.Diffs = append(look.Diffs, d)
		case c.Type == "image" && images[c.MIME] && len(c.Text) < maxImage && c.Body == "":
			look.Output = append(look.Output, ToolOutput{Image: dataURL(c.MIME, c.Text)})
		case c.Text != "" || c.Body != "":
			text, omitted := bounded(fenced(c.Text))
			if c.Type != "text" {
				text = ""
			}
			look.Output = append(look.Output, ToolOutput{Text: text, Omitted: omitted, Body: c.Body, Size: c.Size})
		}
	}
	return look
}

// target says what a tool works on: its command, its file, or its own title.
func target(t client.Tool) (text string, code bool) {
	var in struct {
		Command  any    `json:"command"`
		Cmd      any    `json:"cmd"`
		FilePath string `json:"file_path"`
		Path     string `json:"path"`
		Pattern  string `json:"pattern"`
		URL      string `json:"url"`
	}
	json.Unmarshal(t.Input, &in) // what does not fit stays empty
	if t.Kind == "execute" {
		for _, v := range []any{in.Command, in.Cmd} {
			if s := argv(v); s != "" {
				return s, true
			}
		}
	}
	switch {
	case t.Kind == "search" && in.Pattern != "":
		return in.Pattern, true
	case t.Kind == "fetch" && in.URL != "":
		return in.URL, true
	case len(t.Locations) > 0 && t.Kind != "execute":
		l := t.Locations[0]
		text = shortPath(l.Path)
		if l.Line > 1 {
			text += fmt.Sprint(":", l.Line)
		}
		if n := len(t.Locations); n > 1 {
			text += fmt.Sprintf(" and %d more", n-1)
		}
		return text, true
	case in.FilePath != "":
		return shortPath(in.FilePath), true
	case in.Path != "" && t.Kind != "execute":
		return shortPath(in.Path), true
	}
	title := strings.Trim(t.Title, "`")
	return title, title != t.Title
}

func argv(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		words := make([]string, 0, len(v))
		for _, w := range v {
			s, _ := w.(string)
			if strings.ContainsAny(s, " \t\n'\"") {
				s = fmt.Sprintf("%q", s)
			}
			words = append(words, s)
		}
		if len(words) == 3 && strings.HasSuffix(words[0], "sh") && strings.HasPrefix(words[1], "-") {
			s, _ := v[2].(string)
			return s
		}
		return strings.Join(words, " ")
	}
	return ""
}

// shortPath leaves out the workspace's folder.
func shortPath(p string) string { return strings.TrimPrefix(p, "/workspace/") }

// fenced takes away the code fence that some agents put around output.
func fenced(s string) string {
	t := strings.TrimSpace(s)
	first, rest, ok := strings.Cut(t, "\n")
	if !ok || !strings.HasPrefix(first, "```") || !strings.HasSuffix(rest, "```") {
		return s
	}
	return strings.TrimSuffix(strings.TrimSuffix(rest, "```"), "\n")
}

// bounded cuts a long output and says how many lines it left out.
func bounded(s string) (string, int) {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	size := 0
	for i, l := range lines {
		if size += len(l) + 1; i >= outputLines || size > outputBytes {
			head := strings.Join(lines[:i], "\n")
			if i == 0 {
				head = strings.ToValidUTF8(l[:outputBytes], "")
			}
			return head, max(1, len(lines)-i)
		}
	}
	return strings.Join(lines, "\n"), 0
}

func pretty(raw json.RawMessage) string {
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil || v == nil {
		return ""
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	e.Encode(v)
	if s := strings.TrimSpace(b.String()); s != "{}" {
		return s
	}
	return ""
}

func dataURL(mime, base64 string) string { return "data:" + mime + ";base64," + base64 }
