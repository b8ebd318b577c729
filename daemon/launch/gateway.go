package launch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"volundr/runtime/broker/wire"
)

// placeholder stands where a program wants a key. The real one is put in by the
// daemon and never comes here.
const placeholder = "held-by-volundr"

// gateway: models by way of the broker, for what a person starts in editor and
// terminal as for the agent. What the request sets wins.
func (l *Launcher) gateway(_ context.Context, b *build) error {
	models := fmt.Sprintf("http://127.0.0.1:%d%s", wire.OutsidePort, wire.OutsideModels)
	maps.Copy(b.env, map[string]string{
		"ANTHROPIC_BASE_URL": models + "anthropic", "ANTHROPIC_API_KEY": placeholder,
		"OPENAI_BASE_URL": models + "openai/v1", "OPENAI_API_KEY": placeholder,
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
	})
	maps.Copy(b.env, b.request.Env)
	return nil
}

// IsOfModels reports whether a variable says where an agent asks its models, by
// which proxy, or with what key, be it by a folder with its configuration.
func IsOfModels(name string) bool {
	switch strings.ToUpper(name) {
	case "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY":
		return true
	}
	return slices.ContainsFunc([]string{"ANTHROPIC_", "OPENAI_", "CLAUDE_", "CODEX_"}, func(p string) bool { return strings.HasPrefix(name, p) })
}
