package auth

import (
	"context"
	"errors"

	"volundr/store"
)

// Local is the one principal of a laptop.
var Local = store.Principal{UserID: "local", TenantID: store.FirstTenant, Admin: true, Operator: true}

// programLogin is the login of requests that show the token of the token file.
// It is not in the store and ends with the token.
var programLogin = store.Login{ID: "program", Hash: "program", UserID: Local.UserID, TenantID: Local.TenantID, UserName: "local", Role: store.RoleAdmin}

// principalOf is who a login stands for. A token of an admin that has not the
// scope for it sees no more than what is the admin's own.
func principalOf(l store.Login) store.Principal {
	p := store.Principal{UserID: l.UserID, TenantID: l.TenantID, Admin: l.Role == store.RoleAdmin && inScope(l, Admin), Name: l.UserName}
	p.Operator = p.Admin && p.TenantID == Local.TenantID
	switch {
	case l.ID == programLogin.ID:
		p.By = "token file"
	case l.Token:
		p.By = "token " + l.ID
	default:
		p.By = "browser " + l.ID
	}
	return p
}

// OwnsMachine reports whether somebody may use what is of the daemon's machine
// itself: its folders, and the logins of its git.
func (a *Auth) OwnsMachine(ctx context.Context, p store.Principal) (bool, error) {
	if p.TenantID != Local.TenantID {
		return false, nil
	}
	u, err := a.db.User(ctx, store.Principal{TenantID: p.TenantID, Admin: true}, p.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return u.ID == p.UserID && u.Role == store.RoleAdmin, err
}

type loginKey struct{}

// PrincipalFrom is who asks. There is none only on paths that are open to all.
func PrincipalFrom(ctx context.Context) (store.Principal, bool) {
	l, ok := LoginFrom(ctx)
	return principalOf(l), ok
}

// LoginFrom is the login that a request came with.
func LoginFrom(ctx context.Context) (store.Login, bool) {
	l, ok := ctx.Value(loginKey{}).(store.Login)
	return l, ok
}

// WithLogin gives a context to a login, as Guard does for every request it
// lets in.
func WithLogin(ctx context.Context, l store.Login) context.Context {
	return context.WithValue(ctx, loginKey{}, l)
}
