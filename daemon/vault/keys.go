package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// key is what is shown to a provider. It does not print itself.
type key struct {
	text   string
	how    how
	source string // for people: "the credential anthropic", "ANTHROPIC_API_KEY"
	name   string // of the credential or variable; empty: there is no key
}

func (key) String() string             { return "[secret]" }
func (key) GoString() string           { return "[secret]" }
func (key) Format(f fmt.State, _ rune) { f.Write([]byte("[secret]")) }

// errNoKey: nothing is configured.
var errNoKey = errors.New("no key is configured")

// keyFor gives p's key for a provider: the credential of its name, p's own before
// a shared one, then the daemon's environment, for whom that serves. A gateway
// may do without.
func (v *Vault) keyFor(ctx context.Context, p store.Principal, at *provider) (key, error) {
	if at.wrong != "" {
		return key{}, &sentence{text: at.wrong}
	}
	c, values, err := v.Get(ctx, p, at.name)
	switch {
	case err == nil:
		return fromCredential(at, c, values)
	case !errors.Is(err, store.ErrNotFound):
		return key{}, err
	}
	for _, e := range at.env {
		if e.text != "" {
			if serves, err := v.Environment(ctx, p); err != nil {
				return key{}, err
			} else if !serves {
				return key{}, &sentence{text: fmt.Sprintf("The daemon's own %s is not for you. Store a key of yours with `volundr credentials set %s`, or ask an admin to share one (`volundr credentials share %s`, or environment_keys in the configuration).", e.name, at.name, at.name)}
			}
			return fit(at, key{e.text, e.how, e.name + " of the daemon's environment", e.name}), nil
		}
	}
	if at.gateway {
		return key{source: "none: the gateway " + at.base.Host + " is asked without a key"}, nil
	}
	return key{}, errNoKey
}

func fromCredential(at *provider, c Credential, values Values) (key, error) {
	k := key{source: "the credential " + c.Name, name: c.Name}
	if c.Shared {
		k.source = "the credential " + c.Name + " that an admin shares"
	}
	switch c.Type {
	case APIKey:
		k.text, k.how = values["api_key"], asKey
	case OAuthToken:
		k.text, k.how = values["access_token"], asOAuth
	default:
		return key{}, &sentence{text: fmt.Sprintf("The credential %s is of type %s. Set it again as an API key with `volundr credentials set %s`.", c.Name, c.Type, at.name)}
	}
	return fit(at, k), nil
}

// fit corrects how a key is shown by what it is and who is asked.
func fit(at *provider, k key) key {
	switch {
	case at.name != "anthropic":
		k.how = asBearer
	case strings.HasPrefix(k.text, "sk-ant-oat"): // a subscription's token, however it was called
		k.how = asOAuth
	}
	return k
}

const oauthBeta = "oauth-2025-04-20"

// put shows the key in a request's headers.
func (k key) put(h http.Header) {
	var betas []string
	for _, b := range strings.Split(strings.Join(h.Values("Anthropic-Beta"), ","), ",") {
		if b = strings.TrimSpace(b); b != "" && !strings.HasPrefix(b, "oauth-") {
			betas = append(betas, b)
		}
	}
	if k.how == asOAuth && k.text != "" {
		betas = append(betas, oauthBeta)
	}
	if h.Del("Anthropic-Beta"); len(betas) > 0 {
		h.Set("Anthropic-Beta", strings.Join(slices.Compact(betas), ","))
	}
	switch {
	case k.text == "":
	case k.how == asKey:
		h.Set("X-Api-Key", k.text)
	default:
		h.Set("Authorization", "Bearer "+k.text)
	}
}

// Refusal is a provider's last no to a key.
type Refusal struct {
	Status int // 401 or 403
	At     time.Time
}

// KeyStatus is how things stand with the key of a provider.
type KeyStatus struct {
	Provider   string // "anthropic", "openai"
	Title      string // "Anthropic"
	Configured bool   // requests can go out
	Source     string // where the key is from, for people
	Host       string // that is asked
	Gateway    bool   // Host is not the provider's own
	Problem    string // a sentence with the next step; empty: none known
}

// KeyStatus says how things stand with p's key for a provider. It asks nobody:
// whether a key is good is known from the last request that used it.
func (v *Vault) KeyStatus(ctx context.Context, p store.Principal, name string) KeyStatus {
	at := v.providers[name]
	if at == nil {
		return KeyStatus{Provider: name, Problem: "There is no provider " + name + "."}
	}
	s := KeyStatus{Provider: at.name, Title: at.title, Host: at.base.Host, Gateway: at.gateway}
	k, err := v.keyFor(ctx, p, at)
	if err != nil {
		s.Problem = at.advice(err)
		return s
	}
	s.Configured, s.Source = true, k.source
	v.mu.Lock()
	no, refused := v.refusals[owned{p.TenantID, p.UserID, at.name}]
	v.mu.Unlock()
	if refused {
		s.Problem = at.refused(no.Status, k, "")
	}
	return s
}

// KeyStatuses gives the status of every provider.
func (v *Vault) KeyStatuses(ctx context.Context, p store.Principal) (out []KeyStatus) {
	for _, name := range wire.Providers {
		out = append(out, v.KeyStatus(ctx, p, name))
	}
	return out
}

// advice is the sentence for a request that had no key.
func (p *provider) advice(err error) string {
	if errors.Is(err, errNoKey) {
		return fmt.Sprintf("No %s key is configured. Run `volundr credentials set %s`, or start the daemon with %s set.", p.title, p.name, p.env[0].name)
	}
	if said := (*sentence)(nil); errors.As(err, &said) {
		return said.text
	}
	return fmt.Sprintf("The %s key could not be read. See `volundr logs` of the daemon.", p.title)
}

// refused is the sentence for a provider's no to a key, with its own words.
func (p *provider) refused(status int, k key, words string) string {
	if words = strings.TrimRight(words, ". "); words != "" {
		words = ": " + words
	}
	if k.text == "" {
		return fmt.Sprintf("%s wants a key (%d%s), and none is configured. Set one with `volundr credentials set %s`.", p.base.Host, status, words, p.name)
	}
	return fmt.Sprintf("%s refused the key (%d%s) from %s. Set another with `volundr credentials set %s`.", p.base.Host, status, words, k.source, p.name)
}

// remember keeps what a provider said of a key.
func (v *Vault) remember(p store.Principal, at *provider, status int) {
	k := owned{p.TenantID, p.UserID, at.name}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		v.refusals[k] = Refusal{status, time.Now().UTC()}
	case status < 300:
		delete(v.refusals, k)
	}
}

// forgive forgets what was said of a key that is another now: of p's, or with
// everybody of all of the tenant.
func (v *Vault) forgive(p store.Principal, credential string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.DeleteFunc(v.refusals, func(k owned, _ Refusal) bool {
		return k.tenant == p.TenantID && k.provider == credential && (k.user == p.UserID || p == everybody(p))
	})
}
