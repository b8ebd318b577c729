package daemon

import (
	"volundr/daemon/config"
	"volundr/ui/client"
)

// models are those of the configuration, else the ones that the agents in the
// image know.
func models(cfg config.Config) []client.Model {
	cost := func(c float64) *float64 { return &c }
	if len(cfg.Models) == 0 {
		return []client.Model{
			{ID: "claude-sonnet-4-6", Name: "Claude Sonnet 4.6", Description: "Everyday work", Provider: "cloud", Tier: "balanced", Color: "#2563EB", CostPerMillionTokens: cost(3), Agent: "claude"},
			{ID: "claude-opus-4-6", Name: "Claude Opus 4.6", Description: "Hard problems", Provider: "cloud", Tier: "frontier", Color: "#7C3AED", CostPerMillionTokens: cost(5), Agent: "claude"},
			{ID: "claude-haiku-4-5", Name: "Claude Haiku 4.5", Description: "Quick and cheap", Provider: "cloud", Tier: "execution", Color: "#0D9488", CostPerMillionTokens: cost(1), Agent: "claude"},
			{ID: "gpt-5-codex", Name: "GPT-5 Codex", Description: "OpenAI's coding model", Provider: "cloud", Tier: "frontier", Color: "#059669", CostPerMillionTokens: cost(1.25), Agent: "codex"},
		}
	}
	out := make([]client.Model, len(cfg.Models))
	for i, m := range cfg.Models {
		out[i] = client.Model{ID: m.ID, Name: m.Name, Description: m.Description, Provider: m.Provider, Tier: m.Tier,
			Color: m.Color, CostPerMillionTokens: m.CostPerMillionTokens, Agent: m.Agent}
		if m.VRAMRequired != "" {
			out[i].VRAMRequired = &m.VRAMRequired
		}
	}
	return out
}
