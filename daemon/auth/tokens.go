package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"volundr/store"
)

// tokenPrefix begins every personal access token, so that people and scanners
// of secrets know one, and nothing else is looked for in the store.
const tokenPrefix = "volundr_"

// tokenStep is how exactly the last use of a token is known.
const tokenStep = time.Minute

// NewToken makes a personal access token of p's. Only its hash is kept: text is
// shown once.
func (a *Auth) NewToken(ctx context.Context, p store.Principal, name string, scopes []string, expires time.Time) (k store.Token, text string, err error) {
	text = tokenPrefix + strings.ToLower(rand.Text())
	k, err = a.db.AddToken(ctx, p, store.Token{Name: name, Hash: digest(text), Scopes: scopes, ExpiresAt: expires})
	if err != nil {
		return k, "", fmt.Errorf("make token %s: %w", name, err)
	}
	return k, text, nil
}

// RevokeToken ends a token that p may end, and everything that was opened with
// it. store.ErrNotFound when there is none.
func (a *Auth) RevokeToken(ctx context.Context, p store.Principal, id string) error {
	if err := a.db.DeleteToken(ctx, p, id); err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	a.end(ctx, id)
	return nil
}

// SetRole gives a user another role. What they have open is cut: it may be more
// than they may now.
func (a *Auth) SetRole(ctx context.Context, p store.Principal, id string, role store.Role) (store.User, error) {
	if role != store.RoleAdmin {
		if err := a.keepLocal(ctx, p, id); err != nil {
			return store.User{}, err
		}
	}
	u, err := a.db.SetRole(ctx, p, id, role)
	if err == nil {
		a.cut(ctx, func(l store.Login) bool { return l.UserID == id && l.TenantID == u.TenantID })
	}
	return u, err
}

// RemoveUser takes a user away, and everything that they have open. What they
// own stays.
func (a *Auth) RemoveUser(ctx context.Context, p store.Principal, id string) error {
	if err := a.keepLocal(ctx, p, id); err != nil {
		return err
	}
	if err := a.db.RemoveUser(ctx, p, id); err != nil {
		return err
	}
	a.cut(ctx, func(l store.Login) bool { return l.UserID == id && l.TenantID == p.TenantID })
	return nil
}

// keepLocal refuses to lose whom the token file stands for, where a user is that
// one. Where that is the last admin, the store says so.
func (a *Auth) keepLocal(ctx context.Context, p store.Principal, user string) error {
	if user != Local.UserID || p.TenantID != Local.TenantID {
		return nil
	}
	all, err := a.db.Users(ctx, p)
	if err != nil {
		return err
	}
	for _, u := range all {
		if u.Role == store.RoleAdmin && u.ID != Local.UserID {
			return &store.ConflictError{Detail: "local is whoever holds the token file of this machine, and stays an admin."}
		}
	}
	return nil
}
