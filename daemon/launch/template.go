package launch

import (
	"context"

	"volundr/runtime/broker/wire"
)

// template: its image and its services, what a fresh session is furnished with before its agent, and the
// prompts. The values of templates, profiles and presets themselves stand in
// the request since the session was made. The initial prompt is no part of a
// spec: it is given to a new session as its first message.
func (l *Launcher) template(_ context.Context, b *build) error {
	b.config.Agent.SystemPrompt = b.request.SystemPrompt
	b.config.Setup = b.request.Setup
	for _, p := range b.outer() {
		p.Image = b.request.Image
	}
	for _, s := range b.request.Services {
		b.spec.Parts = append(b.spec.Parts, s.part())
		if s.Port > 0 {
			b.config.Services = append(b.config.Services, wire.Service{Name: s.Name, Port: s.Port})
		}
	}
	layout := b.request.Source.Layout()
	for _, f := range given(b.request) {
		b.config.Files = append(b.config.Files, f.Target(layout))
	}
	return nil
}
