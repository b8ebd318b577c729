package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"volundr/daemon/vault"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// injection: whether the session gets credentials that its request names. They
// are opened here only to find out that they can be; their values are given to
// its parts when these ask, and stand in no specification.
func (l *Launcher) injection(ctx context.Context, b *build) error {
	if len(b.request.CredentialNames) == 0 {
		return nil
	}
	b.config.Secrets = true
	return l.lay(ctx, b.session.Owner(), b.request, newLaid(), mounted)
}

// secrets: the same for what a template refers to as variables. Together with
// those of the injection they must have places of their own.
func (l *Launcher) secrets(ctx context.Context, b *build) error {
	if len(b.request.SecretRefs) == 0 {
		return nil
	}
	b.config.Secrets = true
	_, err := l.laid(ctx, b.session.Owner(), b.request)
	return err
}

// CheckSecrets says which of p's credentials that a request names cannot be
// given to its session: a *FieldError.
func (l *Launcher) CheckSecrets(ctx context.Context, p store.Principal, r Request) error {
	if _, err := l.laid(ctx, p, r); err != nil {
		return err
	}
	_, err := l.checkTools(ctx, p, r)
	return err
}

// kind is one of the two ways in which a request names credentials.
type kind struct {
	field string
	names func(Request) []string
	put   func(*laid, vault.Credential, vault.Values) error
}

var (
	mounted  = kind{"credential_names", func(r Request) []string { return r.CredentialNames }, (*laid).mount}
	referred = kind{"env_secret_refs", func(r Request) []string { return r.SecretRefs }, (*laid).reference}
)

func (l *Launcher) laid(ctx context.Context, p store.Principal, r Request) (*laid, error) {
	out := newLaid()
	for _, k := range []kind{mounted, referred} {
		if err := l.lay(ctx, p, r, out, k); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lay adds the credentials that a request names in one way.
func (l *Launcher) lay(ctx context.Context, p store.Principal, r Request, out *laid, k kind) error {
	names := k.names(r)
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		bad := func(msg string) error { return wrong(name, "value_error", msg, k.field, fmt.Sprint(i)) }
		c, values, err := l.Vault.Get(ctx, p, name)
		if errors.Is(err, store.ErrNotFound) {
			return bad(fmt.Sprintf("There is no credential %q. %s, or take it out of the session.", name, l.getOne(ctx, p, name)))
		}
		if errors.Is(err, store.ErrConflict) { // sealed by a key that is lost
			return bad(err.Error())
		}
		if err != nil {
			return err
		}
		if why := c.Withheld(); why != "" {
			return bad(why)
		}
		if err := k.put(out, c, values); err != nil {
			return bad(err.Error())
		}
		out.names = append(out.names, c.Name)
	}
	for name := range out.Env {
		if _, ok := r.Env[name]; ok {
			return wrong(name, "value_error", fmt.Sprintf("The environment sets %s, and so does the credential %q: leave one of them out.", name, out.whose["$"+name]), "env", name)
		}
	}
	return nil
}

// getOne says how p gets a credential. Who has colleagues may have had it of an
// admin.
func (l *Launcher) getOne(ctx context.Context, p store.Principal, name string) string {
	say := fmt.Sprintf("Store it with `volundr credentials set %s`", name)
	if all, err := l.DB.Users(ctx, store.Principal{TenantID: p.TenantID, Admin: true}); err == nil && len(all) > 1 {
		say += ", ask an admin to share one"
	}
	return say
}

// maxCredentials bounds how many credentials a session is given.
const maxCredentials = 50

func checkCredentials(r Request) error {
	for _, k := range []kind{mounted, referred} {
		names := k.names(r)
		if len(names) > maxCredentials {
			return wrong(len(names), "value_error", fmt.Sprintf("A session gets at most %d credentials.", maxCredentials), k.field)
		}
		for i, name := range names {
			if name == "" || len(name) > 100 {
				return wrong(name, "value_error", "A credential has a name of 1 to 100 characters.", k.field, fmt.Sprint(i))
			}
		}
	}
	return nil
}

// ServeSecrets answers a part of a session with the credentials that the
// session's stored request names, and with nothing else.
func (l *Launcher) ServeSecrets(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, detail string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(wire.Problem{Detail: detail})
	}
	row, err := l.DB.SystemSession(r.Context(), l.Session(r.Context()))
	var request Request
	switch {
	case errors.Is(err, store.ErrNotFound):
		refuse(http.StatusNotFound, "There is no such session.")
		return
	case err == nil:
		err = json.Unmarshal(row.Request, &request)
	}
	var out *laid
	if asks := r.URL.Query().Get(wire.QueryMCP); err == nil && asks != "" {
		out, err = l.ofTool(r.Context(), row.Owner(), request, asks)
	} else if err == nil {
		out, err = l.laid(r.Context(), row.Owner(), request)
	}
	var field *FieldError
	switch {
	case errors.As(err, &field):
		refuse(http.StatusUnprocessableEntity, field.Msg)
		return
	case errors.Is(err, vault.ErrLocked): // asked again until somebody unlocks it
		refuse(http.StatusServiceUnavailable, err.Error())
		return
	case err != nil:
		l.Log.Error("Credentials of a session could not be read", "session", row.ID, "error", err)
		refuse(http.StatusBadGateway, "The daemon could not read the credentials. See its log.")
		return
	}
	if err := l.DB.AuditUse(r.Context(), row, out.names...); err != nil {
		l.Log.Error("The use of credentials was not audited", "session", row.ID, "error", err)
		refuse(http.StatusBadGateway, "The daemon could not note that the credentials are used. See its log.")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(out.Secrets)
}
