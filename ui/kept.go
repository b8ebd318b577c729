package ui

import (
	"fmt"
	"strings"

	"volundr/ui/client"
)

// PresetsPage lists the caller's presets, and takes one more or changes one.
type PresetsPage struct {
	Shell
	Presets  []client.Preset
	Sharing  bool // there are others, and the reader is their admin
	Form     PresetForm
	Done     string            // what was just done, a sentence
	Problems map[string]string // field → sentence; "" is for the whole
}

// PresetForm is what stands in the fields.
type PresetForm struct {
	ID                string // of the one that is changed; empty: a new one
	Name, Description string
	Default           bool
	YAML              string
}

// PromptsPage is the same for prompts.
type PromptsPage struct {
	Shell
	Prompts  []client.SavedPrompt
	Repos    []string // of sessions, offered as one types
	Form     PromptForm
	Done     string
	Problems map[string]string
}

// PromptForm is what stands in the fields.
type PromptForm struct {
	ID, Name, Content, Repo string
}

// Problems puts a refusal beside the fields that it names; what has no field of
// these stands above them.
func Problems(err *client.Error, fields ...string) map[string]string {
	out := map[string]string{}
	if len(err.Problems) == 0 {
		out[""] = err.Detail
	}
	for _, problem := range err.Problems {
		at := ""
		for _, f := range fields {
			if problem.Field() == f {
				at = f
			}
		}
		out[at] = strings.TrimPrefix(problem.Msg, "Value error, ")
	}
	return out
}

// presetAbout is what a preset says in a line.
func presetAbout(p client.Preset) string {
	parts := []string{agentName(p.CLITool)}
	if m := client.Deref(p.Model); m != "" {
		parts = append(parts, m)
	}
	if src := p.Source; src != nil {
		if where := src.Repo + src.LocalPath; where != "" {
			if n := len(src.AdditionalRepos); n > 0 {
				where += fmt.Sprintf(" +%d", n)
			}
			parts = append(parts, strings.TrimPrefix(where, "https://"))
		}
	}
	for _, k := range []string{"cpu", "memory"} {
		if v := written(p.ResourceConfig[k]); v != "" {
			parts = append(parts, k+" "+v)
		}
	}
	return strings.Join(parts, " · ")
}
