package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrQuota: a quota is reached. Its errors say which, and what to do.
var ErrQuota = errors.New("a quota is reached")

type quotaError struct{ detail string }

func (e *quotaError) Error() string        { return e.detail }
func (e *quotaError) Is(target error) bool { return target == ErrQuota }

// Gauge says how much CPU and memory a session of a launch request takes (no CPU:
// it is not bounded), and how long it lives once it runs (0: until it is stopped).
type Gauge func(request json.RawMessage) (Amounts, time.Duration)

// Measure has g asked of every session that is to run from now on.
func (db *DB) Measure(g Gauge) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.gauge = g
}

func (db *DB) needs(s Session) (Amounts, time.Duration) {
	db.mu.Lock()
	g := db.gauge
	db.mu.Unlock()
	if g == nil {
		return Amounts{}, 0
	}
	return g(s.Request)
}

// Room says whether p may begin a session of this request now: an ErrQuota where
// not. Wish asks again.
func (db *DB) Room(ctx context.Context, p Principal, request json.RawMessage, now time.Time) error {
	s := Session{OwnerID: p.UserID, TenantID: p.TenantID, Request: request}
	more, _ := db.needs(s)
	more.Sessions = 1
	return room(ctx, db.r, s, more, true, now)
}

// room refuses what leads beyond a quota of s's owner or tenant: more sessions,
// or with runs one more that runs, beside all others.
func room(ctx context.Context, q querier, s Session, more Amounts, runs bool, now time.Time) error {
	for _, who := range []string{s.OwnerID, AllUsers, WholeTenant} {
		limit, err := bounds(ctx, q, s.TenantID, who)
		if err != nil {
			return err
		}
		if limit == (Amounts{}) {
			continue
		}
		is, err := inUse(ctx, q, s.TenantID, who, s.ID, now)
		if err != nil {
			return err
		}
		whose := "you may have"
		switch who {
		case AllUsers:
			whose = "all users may have together"
		case WholeTenant:
			whose = "the whole tenant may have"
		}
		if why := beyond(limit, is, more, runs, whose); why != "" {
			return &quotaError{why}
		}
	}
	return nil
}

// beyond says which limit would be exceeded, and what to do; empty: none.
func beyond(limit, is, more Amounts, runs bool, whose string) string {
	const raise = "or ask an admin to raise the quota."
	switch {
	case more.Sessions > 0 && limit.Sessions > 0 && is.Sessions+more.Sessions > limit.Sessions:
		return fmt.Sprintf("There are %d of the %d sessions that %s: archive or delete one, %s", is.Sessions, limit.Sessions, whose, raise)
	case more.Sessions > 0 && limit.Storage > 0 && is.Storage >= limit.Storage:
		return fmt.Sprintf("Archives, snapshots and files take %s of the %s that %s: delete some, %s", size(is.Storage), size(limit.Storage), whose, raise)
	case runs && limit.CPU > 0 && more.CPU == 0:
		return fmt.Sprintf("CPU is bounded (%s cores that %s), and this session names none: say how much it gets, as in --cpu 2.", cores(limit.CPU), whose)
	case runs && limit.CPU > 0 && is.CPU+more.CPU > limit.CPU:
		return fmt.Sprintf("Running sessions have %s of the %s cores that %s, and this one wants %s: stop one, ask for less, %s", cores(is.CPU), cores(limit.CPU), whose, cores(more.CPU), raise)
	case runs && limit.Memory > 0 && is.Memory+more.Memory > limit.Memory:
		return fmt.Sprintf("Running sessions have %s of the %s of memory that %s, and this one wants %s: stop one, ask for less, %s", size(is.Memory), size(limit.Memory), whose, size(more.Memory), raise)
	}
	return ""
}

func cores(milli int64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", float64(milli)/1000), "0"), ".")
}

func size(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// fits refuses a wish for which there is no room, and notes on the row what will
// run takes.
func (t *tx) fits(ctx context.Context, s Session, want Want, need Amounts) error {
	if s.State == Archived && want != WantGone && want != WantArchived {
		need.Sessions = 1
	}
	if want == WantRunning || need.Sessions > 0 {
		if err := room(ctx, t, s, need, want == WantRunning, t.now); err != nil {
			return err
		}
	}
	if want != WantRunning {
		return nil
	}
	_, err := t.ExecContext(ctx, `UPDATE sessions SET cpu = ?, memory = ? WHERE id = ?`, need.CPU, need.Memory, s.ID)
	return err
}
