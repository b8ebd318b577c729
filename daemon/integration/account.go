package integration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"volundr/daemon/vault"
	"volundr/store"
)

// Account is whose a key is, as far as the service tells.
type Account struct {
	User      string
	Workspace string // organisation or site
}

// Refused is why a service takes a key not, or is not there to take it: a
// sentence that holds no value.
type Refused struct{ Text string }

func (r *Refused) Error() string { return r.Text }

func refused(format string, args ...any) error { return &Refused{fmt.Sprintf(format, args...)} }

// limit bounds a test.
const limit = 15 * time.Second

// Test asks a service whose key p's credential holds: a *Refused, or an error of
// vault and store.
func Test(ctx context.Context, v *vault.Vault, p store.Principal, in store.Integration) (Account, error) {
	e, ok := Of(in.Slug)
	if !ok {
		return Account{}, refused("This version knows no service %q. Disconnect it.", in.Slug)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if e.Type == Models { // just as sessions will use it
		if s := v.Check(ctx, p, e.Slug); s.Problem != "" {
			return Account{}, &Refused{s.Problem}
		}
		return Account{}, nil
	}
	c, values, err := v.Get(ctx, p, in.Credential)
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, refused("The credential %s is gone. Store it again with `volundr credentials set %s`.", in.Credential, in.Credential)
	}
	if err != nil {
		return Account{}, err
	}
	if why := c.Withheld(); why != "" { // its place is the owner's to choose
		return Account{}, refused("%s", why)
	}
	q := question{ctx: ctx, entry: e, base: e.base(in.Config), key: values[KeyName(c)], credential: c.Name, config: in.Config}
	if q.key == "" {
		return Account{}, refused("The credential %s holds no key for %s. Set it again as an API key with `volundr credentials set %s`.", c.Name, e.Name, c.Name)
	}
	if err := CheckURL(q.base); err != nil {
		return Account{}, &Refused{err.Error()}
	}
	a, err := e.ask(q)
	return Account{shown(a.User), shown(a.Workspace)}, err
}

// shown is a name as a service told it: one line of sensible length.
func shown(s string) string {
	r := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " "))
	return string(r[:min(len(r), 100)])
}

// KeyName is the name of the value of a credential that a service is shown;
// empty: the credential holds none.
func KeyName(c vault.Credential) string {
	for _, name := range []string{"api_key", "access_token", "token"} {
		if slices.Contains(c.Keys, name) {
			return name
		}
	}
	if len(c.Keys) == 1 && c.Type == vault.Generic {
		return c.Keys[0]
	}
	return ""
}

// CheckURL says what is wrong with the address of a service.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("The address of a service looks like https://host/path, without user, query or fragment.")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return errors.New("The address of a service begins with https://, for its key would be sent in clear.")
	}
	return nil
}
