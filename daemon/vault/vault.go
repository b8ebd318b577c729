// Package vault keeps what must not be read: credentials, sealed at rest with a
// key from the system's keyring or a file, and the keys of model providers,
// which it puts into the sessions' requests so that no session ever holds one.
package vault

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"volundr/daemon/link"
	"volundr/store"
)

// Options are what the vault stands on. DB and Dir are required.
type Options struct {
	DB *store.DB
	// Dir is the data directory: the key's file lies there when there is no
	// keyring.
	Dir string
	// Installation tells two installations of one user apart in the keyring.
	Installation string
	// Keyring to use; nil: the system's.
	Keyring Keyring
	// Gateways are base URLs of compatible servers by provider, in place of the
	// provider's own; they stand above the environment's.
	Gateways map[string]string
	// Env reads the daemon's environment; nil: os.Getenv.
	Env func(string) string
	// Environment reports whether somebody may use the keys of the daemon's
	// environment; nil: everybody may.
	Environment func(context.Context, store.Principal) (bool, error)
	// Heard is told, for people, why the model that a session asked does not answer;
	// empty: it does. Nil: nobody is told.
	Heard func(session, trouble string)
	// Roots are the certificate authorities to trust; nil: the system's.
	Roots *x509.CertPool
	Log   *slog.Logger
}

// Vault is safe for use from any goroutine.
type Vault struct {
	Options
	seal      seal
	providers map[string]*provider
	transport http.RoundTripper
	slow      time.Duration
	often     time.Duration // see hold

	mu       sync.Mutex
	refusals map[owned]Refusal

	secretsMu sync.Mutex
	secrets   secrets
}

// owned names something of one provider that belongs to somebody.
type owned struct{ tenant, user, provider string }

// New gives a vault. It touches neither keyring nor file until a credential is
// needed.
func New(o Options) *Vault {
	if o.Env == nil {
		o.Env = os.Getenv
	}
	if o.Environment == nil {
		o.Environment = func(context.Context, store.Principal) (bool, error) { return true, nil }
	}
	if o.Keyring == nil {
		o.Keyring = system{}
	}
	if o.Heard == nil {
		o.Heard = func(string, string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	v := &Vault{
		Options: o, refusals: map[owned]Refusal{}, transport: transport(o.Roots), slow: slow, often: often,
		secrets: secrets{known: map[whose]map[string]bool{}, sight: map[string][]string{}, cuts: map[string]*cut{}},
		seal:    seal{db: o.DB, dir: o.Dir, user: o.Installation, ring: o.Keyring, limit: keyringLimit},
	}
	v.providers = providers(o.Gateways, o.Env)
	return v
}

// owner is who owns the session that a request comes from, and that session.
func (v *Vault) owner(ctx context.Context) (store.Principal, store.Session, error) {
	id := link.SessionFrom(ctx)
	if id == "" {
		return store.Principal{}, store.Session{}, errors.New("the request comes from no session")
	}
	s, err := v.DB.SystemSession(ctx, id)
	if err != nil {
		return store.Principal{}, s, err
	}
	return s.Owner(), s, nil
}

// Kinds of errors, beside the store's.
var (
	// ErrInvalid: what was given is no credential.
	ErrInvalid = errors.New("invalid credential")
	// ErrLocked: the key of the credentials is out of reach now.
	ErrLocked = errors.New("the key of the credentials is out of reach")
)

// sentence is an error that people read as it is, and programs by its kind.
type sentence struct {
	text string
	kind error
}

func (e *sentence) Error() string { return e.text }
func (e *sentence) Unwrap() error { return e.kind }
