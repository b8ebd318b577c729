package auth

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"volundr/store"
)

// live are the requests under way: streams and sockets among them, which would
// outlast the login that opened them.
type live struct {
	mu   sync.Mutex
	cuts int // how often something was cut
	all  map[*underway]bool
}

type underway struct {
	login store.Login
	end   context.CancelFunc
}

type underwayKey struct{}

// count changes whenever logins are cut.
func (v *live) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cuts
}

// begin gives the context of a request that a login may be cut from, and what
// is called when it is over.
func (v *live) begin(ctx context.Context, l store.Login) (context.Context, func()) {
	u := &underway{login: l}
	if l.Token || l.Via != store.ViaLink && l.Via != "" { // ends in the middle of whatever it is used for
		ctx, u.end = context.WithDeadline(ctx, l.ExpiresAt)
	} else {
		ctx, u.end = context.WithCancel(ctx)
	}
	v.mu.Lock()
	v.all[u] = true
	v.mu.Unlock()
	return context.WithValue(ctx, underwayKey{}, u), func() {
		u.end()
		v.mu.Lock()
		delete(v.all, u)
		v.mu.Unlock()
	}
}

// cut ends the requests of logins, but for the one of ctx, which asks for it and
// is still to be answered.
func (v *live) cut(ctx context.Context, gone func(store.Login) bool) {
	self, _ := ctx.Value(underwayKey{}).(*underway)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cuts++
	for u := range v.all {
		if u != self && gone(u.login) {
			u.end()
		}
	}
}

// admit serves a request of a login that was found when seen was the count of
// cuts. again finds the login anew: one that was revoked meanwhile comes to
// nothing.
func (a *Auth) admit(w http.ResponseWriter, r *http.Request, l store.Login, seen int, again func() (store.Login, error), next http.Handler) {
	ctx := r.Context()
	if l.ID != anonymous.ID {
		var done func()
		ctx, done = a.live.begin(ctx, l)
		defer done()
		if a.live.count() != seen {
			var err error
			if l, err = again(); err != nil {
				unauthorized(w, r, "This login was revoked.")
				return
			}
		}
	}
	next.ServeHTTP(w, r.WithContext(WithLogin(ctx, l)))
}

// cut ends all that was opened with logins: requests, and surfaces in the middle
// of a connection. What they stood for is gone from the store, or changed.
func (a *Auth) cut(ctx context.Context, gone func(store.Login) bool) {
	a.live.cut(ctx, gone)
	a.Surfaces.drop(func(g *grant) bool { return gone(g.login) })
}

// Interrupt ends what a user has under way, streams and sockets among it: what
// they may see is less than when it began. They may begin again; surfaces stay.
func (a *Auth) Interrupt(ctx context.Context, p store.Principal) {
	a.live.cut(ctx, func(l store.Login) bool { return l.UserID == p.UserID && l.TenantID == p.TenantID })
}

// MoveUser moves a user to another tenant, with all that is theirs. What they have
// open is cut, and so is what others have open who could see it: admins of the
// tenant that they leave, and guests. Surfaces of sessions that go along stay the
// owner's, in the middle of what they type; all others of these sessions end.
func (a *Auth) MoveUser(ctx context.Context, p store.Principal, m store.Move) (store.Moved, error) {
	if err := a.keepLocal(ctx, p, m.User); err != nil {
		return store.Moved{}, err
	}
	out, err := a.db.MoveUser(ctx, p, m)
	if err != nil {
		return out, err
	}
	a.live.cut(ctx, func(l store.Login) bool {
		return l.UserID == out.User.ID || l.TenantID == out.Was.TenantID && (l.Role == store.RoleAdmin || slices.Contains(out.Guests, l.UserID))
	})
	a.Surfaces.move(out)
	for _, id := range out.Ended {
		a.end(ctx, id)
	}
	return out, nil
}

// end cuts one login for good: nothing can be opened with it any more.
func (a *Auth) end(ctx context.Context, login string) {
	a.Surfaces.revoke(login)
	a.live.cut(ctx, func(l store.Login) bool { return l.ID == login })
}
