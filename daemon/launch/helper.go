package launch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"volundr/runtime"
	"volundr/store"
)

// Helper builds the spec of a helper for a session that does not run: broker
// and the agent's runner on the session's volumes, so that these can be packed
// and unpacked as the user whose files they are. Nothing of the host is
// mounted, and nothing but the daemon reaches it.
func (l *Launcher) Helper(ctx context.Context, s store.Session, image string) (runtime.Spec, error) {
	b := &build{session: s, env: map[string]string{}}
	if err := json.Unmarshal(s.Request, &b.request); err != nil {
		return runtime.Spec{}, fmt.Errorf("%w: the stored launch request cannot be read (%s)", runtime.ErrInvalid, err)
	}
	b.request.Network = string(runtime.NetworkNone)
	b.spec.Image = image
	for _, add := range []func(*Launcher, context.Context, *build) error{
		(*Launcher).core, (*Launcher).storage, (*Launcher).isolation,
	} {
		if err := add(l, ctx, b); err != nil {
			return runtime.Spec{}, fmt.Errorf("helper of session %s: %w", s.ID, err)
		}
	}
	b.spec.Helper, b.config.Helper = true, true
	b.spec.Run = max(1, s.Run)
	b.spec.Parts = slices.DeleteFunc(b.spec.Parts, func(p runtime.Part) bool {
		return p.Name != runtime.PartBroker && p.Name != runtime.PartAgent
	})
	for i := range b.spec.Parts {
		p := &b.spec.Parts[i]
		p.Mounts = slices.DeleteFunc(p.Mounts, func(m runtime.Mount) bool { return m.Host != "" })
	}
	return b.spec, b.finish()
}
