package auth

import (
	"context"

	"volundr/store"
)

// Local is the one principal of a laptop.
var Local = store.Principal{UserID: "local", TenantID: "default", Admin: true}

// programLogin is the login of requests that show the bearer token. It is not
// in the store and ends with the token.
var programLogin = store.Login{ID: "program", Hash: "program", UserID: Local.UserID, TenantID: Local.TenantID}

// principalOf gives a login's user the roles that logins do not store.
func principalOf(l store.Login) store.Principal {
	p := store.Principal{UserID: l.UserID, TenantID: l.TenantID}
	p.Admin = p.UserID == Local.UserID && p.TenantID == Local.TenantID
	return p
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
