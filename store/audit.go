package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Acts that are audited.
const (
	ActLogin              = "login"
	ActLoginEnded         = "login.ended"
	ActLoginRefused       = "login.refused" // the first of an address in a minute
	ActLoginLink          = "login.link"
	ActTokenMade          = "token.made"
	ActTokenRevoked       = "token.revoked"
	ActUserAdded          = "user.added"
	ActUserRole           = "user.role"
	ActUserRemoved        = "user.removed"
	ActUserMoved          = "user.moved" // from one tenant to another, for whoever runs the installation
	ActUserLeft           = "user.left"  // for the one
	ActUserCame           = "user.came"  // for the other
	ActTenantAdded        = "tenant.added"
	ActTenantRenamed      = "tenant.renamed"
	ActTenantRemoved      = "tenant.removed"
	ActQuota              = "quota.set"
	ActCredentialStored   = "credential.stored"
	ActCredentialDeleted  = "credential.deleted"
	ActCredentialUsed     = "credential.used"
	ActCredentialShared   = "credential.shared"
	ActCredentialUnshared = "credential.unshared"
	ActAnswer             = "permission.answered"
	ActPushAsked          = "push.asked" // by a person or program, of the session's git
	ActPush               = "push"       // by a session's git, to the remote
	ActPullOpened         = "pull.opened"
	ActPullMerged         = "pull.merged"
	ActSessionDeleted     = "session.deleted"
	ActSessionShared      = "session.shared"
	ActSessionUnshared    = "session.unshared"
	ActChronicleDeleted   = "chronicle.deleted"
	ActFoundDeleted       = "found.deleted"
	ActIntegrationAdded   = "integration.added"
	ActIntegrationChanged = "integration.changed"
	ActIntegrationDeleted = "integration.deleted"
	ActPresetDeleted      = "preset.deleted"
	ActPresetShared       = "preset.shared"
	ActPresetUnshared     = "preset.unshared"
	ActPromptDeleted      = "prompt.deleted"
	ActTemplateSaved      = "template.saved"
	ActTemplateDeleted    = "template.deleted"
	ActShutdown           = "daemon.shutdown"
	ActBackupMade         = "backup.made"
	ActBackupRestored     = "backup.restored"

	ActDefinitionConfirmed = "definition.confirmed" // that a repository brings, to be used
	ActDefinitionDeclined  = "definition.declined"
	ActDefinitionForgotten = "definition.forgotten"
)

// Acts are all that are audited.
var Acts = []string{
	ActBackupMade, ActBackupRestored,
	ActLogin, ActLoginEnded, ActLoginRefused, ActLoginLink, ActTokenMade, ActTokenRevoked, ActUserAdded, ActUserRole, ActUserRemoved, ActUserMoved, ActUserLeft, ActUserCame, ActTenantAdded, ActTenantRenamed, ActTenantRemoved, ActQuota, ActCredentialStored, ActCredentialDeleted, ActCredentialUsed, ActCredentialShared, ActCredentialUnshared, ActAnswer, ActPushAsked, ActPush, ActPullOpened, ActPullMerged, ActSessionDeleted, ActSessionShared, ActSessionUnshared, ActChronicleDeleted, ActFoundDeleted, ActIntegrationAdded, ActIntegrationChanged, ActIntegrationDeleted, ActPresetDeleted, ActPresetShared, ActPresetUnshared, ActPromptDeleted, ActTemplateSaved, ActTemplateDeleted, ActShutdown,
	ActDefinitionConfirmed, ActDefinitionDeclined, ActDefinitionForgotten,
}

// Deed is one row of audit.
type Deed struct {
	N        int64
	At       time.Time
	TenantID string
	UserID   string
	UserName string
	By       string // the login, token or session that it was done with
	Act      string
	Subject  string
	Detail   json.RawMessage
	Previous string // hash of the deed before it; empty for the first
	Hash     string
}

// sum is the hash that a deed must have: SHA-256 over each of its fields, in
// their order, as its length in bytes, a colon, its text and a comma, so that no
// byte can move from one field to the next.
func (d Deed) sum() string {
	h := sha256.New()
	for _, field := range []string{fmt.Sprint(d.N), fmt.Sprint(millis(d.At)), d.TenantID, d.UserID, d.UserName, d.By, d.Act, d.Subject, string(d.Detail), d.Previous} {
		fmt.Fprintf(h, "%d:%s,", len(field), field)
	}
	return hex.EncodeToString(h.Sum(nil))
}

const deedColumns = `n, at, tenant_id, user_id, user_name, by, act, subject, detail, previous, hash`

func scanDeed(row scanner) (d Deed, err error) {
	var at int64
	var detail string
	err = row.Scan(&d.N, &at, &d.TenantID, &d.UserID, &d.UserName, &d.By, &d.Act, &d.Subject, &detail, &d.Previous, &d.Hash)
	d.At, d.Detail = moment(at), json.RawMessage(detail)
	return d, notFound(err)
}

// Audit notes what p does. It is committed before the deed where that is not one
// of the store's own, which are noted in their own transactions.
func (db *DB) Audit(ctx context.Context, p Principal, act, subject string, detail map[string]string) error {
	return db.write(ctx, func(t *tx) error { return t.audit(ctx, p, act, subject, detail) })
}

// audit appends a deed to the chain.
func (t *tx) audit(ctx context.Context, p Principal, act, subject string, detail map[string]string) error {
	if detail == nil {
		detail = map[string]string{}
	}
	raw, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	d := Deed{N: 1, At: t.now, TenantID: p.TenantID, UserID: p.UserID, UserName: p.Name, By: p.By, Act: act, Subject: subject, Detail: raw}
	last, err := scanDeed(t.QueryRowContext(ctx, `SELECT `+deedColumns+` FROM audit ORDER BY n DESC LIMIT 1`))
	switch {
	case err == nil:
		d.N, d.Previous = last.N+1, last.Hash
	case !errors.Is(err, ErrNotFound):
		return err
	}
	d.Hash = d.sum()
	_, err = t.ExecContext(ctx, `INSERT INTO audit (`+deedColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.N, millis(d.At), d.TenantID, d.UserID, d.UserName, d.By, d.Act, d.Subject, string(d.Detail), d.Previous, d.Hash)
	return err
}

// AuditUse notes, for the system and in the name of a session's owner, that it
// was given credentials: each once a run, for it may ask as often as it likes.
func (db *DB) AuditUse(ctx context.Context, s Session, names ...string) error {
	p := Principal{UserID: s.OwnerID, TenantID: s.TenantID, By: fmt.Sprintf("session %s, run %d", s.ID, s.Run)}
	fresh, err := unused(ctx, db.r, p.By, names)
	if err != nil || len(fresh) == 0 {
		return err
	}
	return db.write(ctx, func(t *tx) error {
		fresh, err := unused(ctx, t, p.By, names) // somebody may have been quicker
		if err != nil {
			return err
		}
		err = t.QueryRowContext(ctx, `SELECT name FROM users WHERE tenant_id = ? AND id = ?`, p.TenantID, p.UserID).Scan(&p.Name)
		if err != nil && !errors.Is(err, sql.ErrNoRows) { // who was removed has no name
			return err
		}
		for _, name := range fresh {
			detail := map[string]string{"session": s.Name}
			switch c, err := credentialOf(ctx, t, p, name); {
			case err == nil && c.OwnerID == "":
				detail["shared"] = "yes"
			case err != nil && !errors.Is(err, ErrNotFound): // such as a variable of the environment
				return err
			}
			if err := t.audit(ctx, p, ActCredentialUsed, name, detail); err != nil {
				return err
			}
		}
		return nil
	})
}

// unused are those whose use by somebody is not noted yet, each once.
func unused(ctx context.Context, q querier, by string, names []string) (fresh []string, err error) {
	for _, name := range names {
		var noted bool // the literal is for the index audit_of_use
		if err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM audit WHERE act = 'credential.used' AND by = ? AND subject = ?)`, by, name).Scan(&noted); err != nil {
			return nil, err
		}
		if !noted && !slices.Contains(fresh, name) {
			fresh = append(fresh, name)
		}
	}
	return fresh, nil
}
