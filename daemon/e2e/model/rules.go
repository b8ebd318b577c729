package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// reply finds the answer to a call.
func (s *Server) reply(c Call) Reply {
	s.mu.Lock()
	rules := slices.Clone(s.rules)
	s.mu.Unlock()
	for _, r := range rules {
		if r.Match(c) {
			return r.Reply(c)
		}
	}
	return script(c)
}

// script holds the rules of the package comment.
func script(c Call) Reply {
	if c.IsResult {
		return Reply{Text: "Done. " + first(c.Result, 200)}
	}
	if len(c.Tools) == 0 { // a side question of the agent: a title, a summary
		return Reply{Text: `{"title": "Scripted session"}`}
	}
	if strings.Contains(c.Text, `{"summary":`) { // the last turn of a run
		return Reply{Text: LastWords}
	}
	verb, rest, _ := strings.Cut(strings.TrimSpace(c.Text), " ")
	rest = strings.TrimSpace(rest)
	switch verb {
	case "write":
		return Reply{Text: "I will write " + rest + ".", Tool: write(c, rest)}
	case "run":
		return Reply{Text: "I will run it.", Tool: shell(c, rest)}
	case "tool":
		name, input, _ := strings.Cut(rest, " ")
		return Reply{Tool: &ToolCall{Name: name, Input: json.RawMessage(input)}}
	case "slow":
		n, err := strconv.Atoi(rest)
		if err != nil {
			n = 50
		}
		return Reply{Text: Words(n), Slow: true}
	case "think":
		return Reply{Thinking: "Let me think about it.", Text: rest}
	case "fail":
		n, err := strconv.Atoi(rest)
		if err != nil {
			n = 500
		}
		return Reply{Status: n}
	case "hang":
		return Reply{Hang: true}
	}
	text := "You said: " + c.Text
	if len(c.Images) > 0 {
		text += fmt.Sprintf(" (with %d image: %s)", len(c.Images), strings.Join(c.Images, ", "))
	}
	return Reply{Text: text}
}

// LastWords is what the agent says of a run when it is asked at its end.
const LastWords = `{"summary": "The scripted agent did what it was told.", "key_changes": ["what the script says"], "unfinished_work": ""}`

// Words is what "slow N" says.
func Words(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("word%d", i+1)
	}
	return strings.Join(words, " ")
}

// write picks the tool for writing a file that this agent has.
func write(c Call, name string) *ToolCall {
	path := name
	if !strings.HasPrefix(name, "/") {
		path = "/workspace/" + name
	}
	if !c.OpenAI {
		return &ToolCall{Name: "Write", Input: map[string]any{"file_path": path, "content": Content}}
	}
	patch := "*** Begin Patch\n*** Add File: " + name + "\n+" + strings.TrimSuffix(Content, "\n") + "\n*** End Patch\n"
	if slices.Contains(c.Tools, "apply_patch") {
		return &ToolCall{Name: "apply_patch", Custom: patch}
	}
	return shell(c, "apply_patch <<'EOF'\n"+patch+"EOF")
}

// shell picks the tool for running a command that this agent has.
func shell(c Call, command string) *ToolCall {
	switch {
	case !c.OpenAI:
		return &ToolCall{Name: "Bash", Input: map[string]any{"command": command, "description": "Run " + first(command, 40)}}
	case slices.Contains(c.Tools, "exec_command"):
		return &ToolCall{Name: "exec_command", Input: map[string]any{"cmd": command}}
	default:
		return &ToolCall{Name: "shell", Input: map[string]any{"command": []string{"bash", "-lc", command}}}
	}
}

func first(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
