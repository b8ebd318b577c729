package auth

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"volundr/store"
)

// mostLimits is how many addresses are counted for themselves.
const mostLimits = 4096

// limits count by the address that something comes from: an IPv4 address, or the
// 64 bits of an IPv6 network, which are one machine's to choose from. Addresses
// beyond mostLimits at a time are counted together.
type limits struct {
	every time.Duration
	burst int

	mu     sync.Mutex
	each   map[netip.Prefix]*rate.Limiter
	looked time.Time // for who has not come for long, last
	others *rate.Limiter
}

func newLimits(every time.Duration, burst int) *limits {
	return &limits{every: every, burst: burst, each: map[netip.Prefix]*rate.Limiter{}, others: rate.NewLimiter(rate.Every(every), burst)}
}

func (l *limits) allow(from netip.Addr) bool {
	bits := 64
	if from.Is4() {
		bits = 32
	}
	key, _ := from.Prefix(bits) // of no address: a key of its own
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.each[key]
	if !ok {
		if now := time.Now(); len(l.each) >= mostLimits && now.Sub(l.looked) >= l.every { // not for each of a flood
			l.looked = now
			l.forget()
		}
		if len(l.each) >= mostLimits {
			return l.others.Allow()
		}
		one = rate.NewLimiter(rate.Every(l.every), l.burst)
		l.each[key] = one
	}
	return one.Allow()
}

// forget drops who has not come for so long that a new start is no gain.
func (l *limits) forget() {
	for key, one := range l.each {
		if one.Tokens() >= float64(l.burst) {
			delete(l.each, key)
		}
	}
}

// another counts a way in that was refused; false says that there were too many
// from where it came. The first of an address in a minute is audited, and no more
// than one a second of all.
func (a *Auth) another(r *http.Request, how string) bool {
	from := client(r)
	if a.noted.allow(from) && a.notedAll.Allow() {
		p := store.Principal{TenantID: Local.TenantID, By: "address " + from.String()}
		if err := a.db.Audit(r.Context(), p, store.ActLoginRefused, how, nil); err != nil {
			a.log.WarnContext(r.Context(), "A refused login was not audited", "error", err)
		}
	}
	return a.failures.allow(from)
}
