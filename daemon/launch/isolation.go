package launch

import (
	"context"

	"volundr/runtime"
)

// isolation: what the session may reach, and as whom it runs: the image's user,
// or the owner of its live folder. Never root.
func (l *Launcher) isolation(_ context.Context, b *build) error {
	b.spec.Network = runtime.NetworkOpen
	if b.request.Network != "" {
		b.spec.Network = runtime.Network(b.request.Network)
	}
	return nil
}
