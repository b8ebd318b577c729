package acp

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"volundr/runtime/broker/wire"
)

// Program is how one kind of agent is started and driven.
type Program struct {
	Argv []string
	Env  []string
	Meta map[string]any // of session/new, resume and load
	// Mode is what a session begins in when nothing else is asked for.
	Mode string
	// Auth is the method of logging in, for an agent that wants one.
	Auth string
	// CostSumsUp: the cost that it tells is the sum since the process began.
	CostSumsUp bool
}

// The agent holds a placeholder; the daemon puts the real key in.
const placeholder = "held-by-volundr"

// For gives the program for a configuration.
func For(a wire.Agent) (Program, error) {
	models := fmt.Sprintf("http://127.0.0.1:%d%s", wire.OutsidePort, wire.OutsideModels)
	switch a.Kind {
	case "claude":
		return claude(a, models+"anthropic"), nil
	case "codex":
		return codex(a, models+"openai/v1")
	case "acp":
		if len(a.Command) == 0 {
			return Program{}, fmt.Errorf("the agent has no command: give the session the command line of an ACP agent")
		}
		return Program{Argv: a.Command, Env: env(nil, a.Env), CostSumsUp: true}, nil
	}
	return Program{}, fmt.Errorf("there is no agent %q: choose claude, codex or acp", a.Kind)
}

func claude(a wire.Agent, base string) Program {
	// The user's settings only: a repository's own settings could name another
	// server, or commands to be run.
	options := map[string]any{"settingSources": []string{"user"}}
	meta := map[string]any{"claudeCode": map[string]any{"options": options}}
	if a.SystemPrompt != "" {
		meta["systemPrompt"] = map[string]any{"append": a.SystemPrompt}
	}
	fixed := map[string]string{
		"ANTHROPIC_BASE_URL": base, "ANTHROPIC_API_KEY": placeholder,
		"CLAUDE_CODE_EXECUTABLE": "/usr/local/bin/claude",
		// Without it the prompt is lost when the process is killed early.
		"CLAUDE_CODE_EAGER_FLUSH":                  "1",
		"CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST":     "1",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
		"DISABLE_AUTOUPDATER":                      "1",
		"CLAUDE_AGENT_ACP_PROTOCOL":                "v1",
	}
	if a.Model != "" {
		fixed["ANTHROPIC_MODEL"] = a.Model
	}
	return Program{Argv: []string{"claude-agent-acp"}, Env: env(fixed, a.Env), Meta: meta, Mode: "acceptEdits", CostSumsUp: true}
}

func codex(a wire.Agent, base string) (Program, error) {
	config := map[string]any{
		"model_provider": "volundr",
		"model_providers": map[string]any{"volundr": map[string]any{
			"name": "Volundr", "base_url": base, "wire_api": "responses", "requires_openai_auth": false,
		}},
	}
	if a.Model != "" {
		config["model"] = a.Model
	}
	if a.SystemPrompt != "" {
		config["developer_instructions"] = a.SystemPrompt
	}
	b, err := json.Marshal(config)
	if err != nil {
		return Program{}, err
	}
	// Its own sandbox cannot work inside a container; the container is one.
	mode := "agent-full-access"
	fixed := map[string]string{
		"CODEX_CONFIG": string(b), "MODEL_PROVIDER": "volundr", "OPENAI_API_KEY": placeholder,
		"CODEX_PATH": "/usr/local/bin/codex", "INITIAL_AGENT_MODE": mode, "NO_BROWSER": "1",
	}
	return Program{Argv: []string{"codex-acp"}, Env: env(fixed, a.Env), Mode: mode, Auth: "api-key"}, nil
}

// env merges what we set with what the session's owner asked for, who wins.
func env(fixed, asked map[string]string) []string {
	all := maps.Clone(fixed)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, asked)
	list := make([]string, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		list = append(list, k+"="+all[k])
	}
	return list
}
