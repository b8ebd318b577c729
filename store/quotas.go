package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Whom a quota can be for, beside a user. No user is called so.
const (
	EachUser    = "@each"   // of a tenant, who has none of their own
	AllUsers    = "@all"    // of a tenant, together, by the word of its admins
	WholeTenant = "@tenant" // the same, by the word of an operator
)

// Amounts are how much there may be, or is. As limits, 0 is no limit.
type Amounts struct {
	Sessions   int64 // that are not archived
	Storage    int64 // bytes of archives, snapshots and sandboxes' files
	CPU        int64 // thousandths of a core, of sessions that run
	Memory     int64 // bytes, of sessions that run
	Tokens     int64 // of today, in UTC
	CostMicros int64 // of today, in UTC: millionths of a US dollar
}

// querier is the database or a transaction.
type querier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// limits are those of one row; none without it.
func limits(ctx context.Context, q querier, tenant, who string) (a Amounts, found bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(sessions, 0), coalesce(storage, 0), coalesce(cpu, 0), coalesce(memory, 0), coalesce(tokens, 0),
		coalesce(cost_micros, 0) FROM quotas WHERE tenant_id = ? AND user_id = ?`, tenant, who).
		Scan(&a.Sessions, &a.Storage, &a.CPU, &a.Memory, &a.Tokens, &a.CostMicros)
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	return a, err == nil, err
}

// bounds are the limits of a user: their own, or those of each.
func bounds(ctx context.Context, q querier, tenant, user string) (Amounts, error) {
	a, found, err := limits(ctx, q, tenant, user)
	if err == nil && !found && user != AllUsers && user != EachUser && user != WholeTenant {
		a, _, err = limits(ctx, q, tenant, EachUser)
	}
	return a, err
}

// havings are the pieces of what users have: user ?2 of tenant ?1, or (then ?2 is
// empty) the whole tenant; but for session ?3, of the day from ?4 until ?5.
func havings(whole bool) string {
	theirs := ` tenant_id = ?1 AND owner_id = ?2`
	if whole {
		theirs = ` tenant_id = ?1 AND ?2 = ''`
	}
	return `SELECT owner_id, (state <> 'archived' OR want <> 'archived') AND want <> 'gone' AS sessions, 0 AS storage,
		iif(` + runs + `, cpu, 0) AS cpu, iif(` + runs + `, memory, 0) AS memory, 0 AS tokens, 0 AS cost
		FROM sessions WHERE kind = 'session' AND id <> ?3 AND` + theirs + `
	UNION ALL SELECT owner_id, 0, stored, 0, 0, 0, 0 FROM blobs WHERE` + theirs + `
	UNION ALL SELECT owner_id, 0, size, 0, 0, 0, 0 FROM sandbox_files WHERE` + theirs + `
	UNION ALL SELECT owner_id, 0, 0, 0, 0, input + output + cache_write, cost_micros FROM usage WHERE at >= ?4 AND at < ?5 AND` + spent(whole)
}

// spent is the condition on usage of a time, likewise. It leads to that time by the
// index, user by user, past all that was used before; users are those who used
// something, also when they are none any more.
func spent(whole bool) string {
	if !whole {
		return ` tenant_id = ?1 AND owner_id = ?2`
	}
	return ` tenant_id = ?1 AND ?2 = '' AND owner_id IN (WITH RECURSIVE users (id) AS (SELECT min(owner_id) FROM usage WHERE tenant_id = ?1
		UNION ALL SELECT (SELECT min(owner_id) FROM usage WHERE tenant_id = ?1 AND owner_id > users.id) FROM users WHERE users.id IS NOT NULL)
		SELECT id FROM users)`
}

const (
	runs = `(want = 'running' AND state <> 'failed' OR state IN ('starting', 'provisioning', 'running', 'stopping'))`
	sums = `coalesce(sum(sessions), 0), coalesce(sum(storage), 0), coalesce(sum(cpu), 0), coalesce(sum(memory), 0), coalesce(sum(tokens), 0), coalesce(sum(cost), 0)`
)

func havingsArgs(tenant, user, but string, now time.Time) []any {
	from, until := today(now)
	return []any{tenant, user, but, from, until}
}

// today is now's day in UTC, as it is stored.
func today(now time.Time) (from, until int64) {
	now = now.UTC()
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	return millis(day), millis(day.AddDate(0, 0, 1))
}

// usedToday is what of inUse is of a day: tokens and money, with a query that is
// quick enough to be asked before each request to a model.
func usedToday(ctx context.Context, q querier, tenant, user string, now time.Time) (a Amounts, err error) {
	user = oneOf(user)
	from, until := today(now)
	err = q.QueryRowContext(ctx, `SELECT coalesce(sum(input + output + cache_write), 0), coalesce(sum(cost_micros), 0)
		FROM usage WHERE at >= ?3 AND at < ?4 AND`+spent(user == ""), tenant, user, from, until).Scan(&a.Tokens, &a.CostMicros)
	return a, err
}

// oneOf is a user whom a quota can be for; empty: all of a tenant.
func oneOf(who string) string {
	if who == AllUsers || who == WholeTenant {
		return ""
	}
	return who
}

// inUse is what a user has, or with AllUsers or WholeTenant a tenant; but for one session, unless
// that is empty.
func inUse(ctx context.Context, q querier, tenant, user, but string, now time.Time) (a Amounts, err error) {
	user = oneOf(user)
	err = q.QueryRowContext(ctx, `SELECT `+sums+` FROM (`+havings(user == "")+`)`, havingsArgs(tenant, user, but, now)...).
		Scan(&a.Sessions, &a.Storage, &a.CPU, &a.Memory, &a.Tokens, &a.CostMicros)
	return a, err
}

// Quota is what there may be, and what is.
type Quota struct{ Limit, Used Amounts }

// Quotas gives, for an admin, those of users of p's tenant by id, of EachUser and
// of AllUsers, with two queries for however many.
func (db *DB) Quotas(ctx context.Context, p Principal, users []string, now time.Time) (map[string]Quota, error) {
	if !p.Admin {
		return nil, ErrNotFound
	}
	limits, err := amountsBy(db.r.QueryContext(ctx, `SELECT user_id, coalesce(sessions, 0), coalesce(storage, 0), coalesce(cpu, 0), coalesce(memory, 0),
		coalesce(tokens, 0), coalesce(cost_micros, 0) FROM quotas WHERE tenant_id = ?`, p.TenantID))
	if err != nil {
		return nil, err
	}
	is, err := amountsBy(db.r.QueryContext(ctx, `SELECT owner_id, `+sums+` FROM (`+havings(true)+`) GROUP BY owner_id`, havingsArgs(p.TenantID, "", "", now)...))
	if err != nil {
		return nil, err
	}
	out := map[string]Quota{EachUser: {Limit: limits[EachUser]}}
	for _, id := range users {
		limit, own := limits[id]
		if !own {
			limit = limits[EachUser]
		}
		out[id] = Quota{limit, is[id]}
	}
	var all Amounts
	for _, a := range is {
		all = Amounts{all.Sessions + a.Sessions, all.Storage + a.Storage, all.CPU + a.CPU, all.Memory + a.Memory, all.Tokens + a.Tokens, all.CostMicros + a.CostMicros}
	}
	out[AllUsers] = Quota{limits[AllUsers], all}
	return out, nil
}

// amountsBy reads rows of a name and amounts, and closes them.
func amountsBy(rows *sql.Rows, err error) (map[string]Amounts, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]Amounts{}
	for rows.Next() {
		var who string
		var a Amounts
		if err := rows.Scan(&who, &a.Sessions, &a.Storage, &a.CPU, &a.Memory, &a.Tokens, &a.CostMicros); err != nil {
			return nil, err
		}
		out[who] = a
	}
	return out, rows.Err()
}

// Quota gives the limits of a user of p's tenant, of each or of all, and what is
// used of them. Who is no admin is told of themselves alone: ErrNotFound.
func (db *DB) Quota(ctx context.Context, p Principal, who string, now time.Time) (limit, is Amounts, err error) {
	if !p.Admin && who != p.UserID {
		return limit, is, ErrNotFound
	}
	if limit, err = bounds(ctx, db.r, p.TenantID, who); err != nil || who == EachUser {
		return limit, is, err
	}
	is, err = inUse(ctx, db.r, p.TenantID, who, "", now)
	return limit, is, err
}

// SetQuota sets, for an admin, the limits of a user of p's tenant, of each or of
// all; for an operator, also those of the whole tenant. ErrNotFound when p is none,
// or there is no such user.
func (db *DB) SetQuota(ctx context.Context, p Principal, who string, a Amounts) error {
	if !p.Admin || who == WholeTenant && !p.Operator {
		return ErrNotFound
	}
	return db.write(ctx, func(t *tx) error {
		name := who
		if who != EachUser && who != AllUsers && who != WholeTenant {
			if err := notFound(t.QueryRowContext(ctx, `SELECT name FROM users WHERE tenant_id = ? AND id = ?`, p.TenantID, who).Scan(&name)); err != nil {
				return err
			}
		}
		_, err := t.ExecContext(ctx, `INSERT INTO quotas (tenant_id, user_id, sessions, storage, cpu, memory, tokens, cost_micros)
			VALUES (?, ?, nullif(?, 0), nullif(?, 0), nullif(?, 0), nullif(?, 0), nullif(?, 0), nullif(?, 0))
			ON CONFLICT (tenant_id, user_id) DO UPDATE SET sessions = excluded.sessions, storage = excluded.storage, cpu = excluded.cpu,
			memory = excluded.memory, tokens = excluded.tokens, cost_micros = excluded.cost_micros`,
			p.TenantID, who, a.Sessions, a.Storage, a.CPU, a.Memory, a.Tokens, a.CostMicros)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(a)
		if err != nil {
			return err
		}
		return t.audit(ctx, p, ActQuota, who, map[string]string{"name": name, "limits": string(raw)})
	})
}

// Budget says, for the system, what is used up of a session's owner's tokens and
// money of today: a sentence; empty: nothing.
func (db *DB) Budget(ctx context.Context, tenant, owner string, now time.Time) (string, error) {
	for _, who := range []string{owner, AllUsers, WholeTenant} {
		limit, err := bounds(ctx, db.r, tenant, who)
		if err != nil {
			return "", err
		}
		if limit.Tokens == 0 && limit.CostMicros == 0 {
			continue
		}
		is, err := usedToday(ctx, db.r, tenant, who, now)
		if err != nil {
			return "", err
		}
		whose := map[string]string{AllUsers: " that all users have together", WholeTenant: " that the whole tenant has"}[who]
		switch {
		case limit.Tokens > 0 && is.Tokens >= limit.Tokens:
			return fmt.Sprintf("%d of %d tokens of today%s are used", is.Tokens, limit.Tokens, whose), nil
		case limit.CostMicros > 0 && is.CostMicros >= limit.CostMicros:
			return fmt.Sprintf("%s of %s of today%s are spent", dollars(is.CostMicros), dollars(limit.CostMicros), whose), nil
		}
	}
	return "", nil
}

func dollars(micros int64) string { return fmt.Sprintf("$%.2f", float64(micros)/1e6) }
