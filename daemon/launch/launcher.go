package launch

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"

	"volundr/daemon/source"
	"volundr/daemon/vault"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Options of a Launcher.
type Options struct {
	// PublicKey is the daemon's: brokers let in who has the other half.
	PublicKey ed25519.PublicKey
	Source    *source.Sources
	// Vault holds the credentials that sessions are given.
	Vault *vault.Vault
	// Session names the session that a request comes from; empty: none.
	Session func(context.Context) string
	DB      *store.DB
	// Tools reaches MCP servers; nil: as usual, but never this machine itself.
	Tools http.RoundTripper
	Log   *slog.Logger
}

// Launcher builds specs. It keeps nothing between calls.
type Launcher struct{ Options }

// New gives a Launcher.
func New(o Options) *Launcher {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Tools == nil {
		o.Tools = toolTransport()
	}
	return &Launcher{o}
}

// key is the public half of the daemon's, as brokers are told it.
func (l *Launcher) key() string { return base64.StdEncoding.EncodeToString(l.PublicKey) }

// Validate says what is wrong with a request on this machine: what Validate
// says, and whether its local folders may be used and belong to an ordinary
// user. The error is a *FieldError.
func (l *Launcher) Validate(r Request) error {
	if err := Validate(r); err != nil {
		return err
	}
	if _, err := l.folders(r); err != nil {
		return err
	}
	return l.files(r)
}

// build is a spec in the making.
type build struct {
	session store.Session
	request Request
	spec    runtime.Spec
	config  wire.Config       // of the broker
	env     map[string]string // of agent, editor and terminal

	// undo takes back what was left outside of the spec, should a later
	// contributor fail: the last first.
	undo []func() error
}

// part is a part of the spec by its name.
func (b *build) part(name string) *runtime.Part {
	for i := range b.spec.Parts {
		if b.spec.Parts[i].Name == name {
			return &b.spec.Parts[i]
		}
	}
	panic("launch: no part " + name)
}

// outer are the parts that the user's work runs in.
func (b *build) outer() []*runtime.Part {
	return []*runtime.Part{b.part(runtime.PartAgent), b.part(runtime.PartEditor), b.part(runtime.PartTerminal)}
}

// Spec builds the spec of the session's current run from its stored request.
// Errors that wrap runtime.ErrInvalid are for ever, and sentences.
func (l *Launcher) Spec(ctx context.Context, s store.Session, image string) (runtime.Spec, error) {
	switch s.Kind {
	case string(runtime.Session):
	case store.KindSandbox:
		return l.sandbox(s, image)
	default:
		return runtime.Spec{}, fmt.Errorf("%w: a %s is not launched as a coding session", runtime.ErrInvalid, s.Kind)
	}
	b := &build{session: s, env: map[string]string{}}
	if err := json.Unmarshal(s.Request, &b.request); err != nil {
		return runtime.Spec{}, fmt.Errorf("%w: the stored launch request cannot be read (%s): delete the session and make it anew", runtime.ErrInvalid, err)
	}
	if err := Validate(b.request); err != nil {
		return runtime.Spec{}, err
	}
	b.spec.Image = image
	if err := l.contribute(ctx, b, contributors); err != nil {
		return runtime.Spec{}, err
	}
	return b.spec, b.finish()
}

// finish hands environment and configuration to the parts. Only the broker is
// told everything; a runner needs to know which part it is, and of what.
func (b *build) finish() error {
	for i := range b.spec.Parts {
		p := &b.spec.Parts[i]
		if p.Service() != "" { // knows nothing of us
			continue
		}
		c := wire.Config{Session: b.spec.ID, Run: b.spec.Run, Part: p.Name, Helper: b.config.Helper}
		if p.Name == runtime.PartBroker {
			c = b.config
			c.Session, c.Run, c.Part = b.spec.ID, b.spec.Run, p.Name
			p.Env = map[string]string{}
		} else {
			c.Secrets = b.config.Secrets && !b.config.Helper
			p.Env = maps.Clone(b.env)
		}
		raw, err := json.Marshal(c)
		if err != nil {
			return err
		}
		p.Env[wire.EnvConfig] = string(raw)
	}
	return b.spec.Validate()
}
