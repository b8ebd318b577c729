package launch

import (
	"context"
	"encoding/base64"

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

// injection: the half of the daemon's key that lets the broker know it.
func (l *Launcher) injection(_ context.Context, b *build) error {
	b.config.DaemonKey = base64.StdEncoding.EncodeToString(l.PublicKey)
	return nil
}

// secrets: none go into a session. Keys of models stay with the daemon, and
// Validate refuses a request that names other credentials.
func (l *Launcher) secrets(context.Context, *build) error { return nil }
