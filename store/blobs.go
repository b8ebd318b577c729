package store

import (
	"context"
	"time"
)

// Blob is one row of blobs: a pack in the blob storage. The same pack may
// belong to several owners and is stored once.
type Blob struct {
	Digest    string // sha-256 of the pack, hex
	OwnerID   string
	TenantID  string
	Size      int64 // of the pack, bytes
	Stored    int64 // of the file, bytes
	CreatedAt time.Time
}

// used is the condition that something of the owner's names a blob b: a
// chronicle, a session's archive or its launch request.
const used = ` (EXISTS (SELECT 1 FROM chronicles c WHERE (c.workspace = b.digest OR c.context = b.digest)
		AND c.tenant_id = b.tenant_id AND c.owner_id = b.owner_id)
	OR EXISTS (SELECT 1 FROM sessions s WHERE s.tenant_id = b.tenant_id AND s.owner_id = b.owner_id AND (s.archive = b.digest
		OR b.digest IN (json_extract(s.request, '$.from.workspace'), json_extract(s.request, '$.from.context'))
		OR s.archive IN (SELECT manifest FROM manifests WHERE part = b.digest))))`

// PutBlob notes, for the system, that a pack lies in the blob storage. parts
// are the blobs that it names, when it is the manifest of an archive: they are
// in use as long as it is.
func (db *DB) PutBlob(ctx context.Context, b Blob, parts ...string) error {
	return db.write(ctx, func(t *tx) (err error) {
		if b.TenantID, err = homeOf(ctx, t, b.OwnerID, b.TenantID); err != nil { // it took its time to be made
			return err
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO blobs (digest, owner_id, tenant_id, size, stored, created_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, b.Digest, b.OwnerID, b.TenantID, b.Size, b.Stored, millis(t.now)); err != nil {
			return err
		}
		for _, part := range parts {
			if _, err := t.ExecContext(ctx, `INSERT INTO manifests (manifest, part) VALUES (?, ?) ON CONFLICT DO NOTHING`, b.Digest, part); err != nil {
				return err
			}
		}
		return nil
	})
}

// Blob gives, for the system, an owner's blob. ErrNotFound when there is none.
func (db *DB) Blob(ctx context.Context, tenantID, ownerID, digest string) (b Blob, err error) {
	var created int64
	err = db.r.QueryRowContext(ctx, `SELECT digest, owner_id, tenant_id, size, stored, created_at FROM blobs
		WHERE tenant_id = ? AND owner_id = ? AND digest = ?`, tenantID, ownerID, digest).
		Scan(&b.Digest, &b.OwnerID, &b.TenantID, &b.Size, &b.Stored, &created)
	b.CreatedAt = moment(created)
	return b, notFound(err)
}

// Blobs gives p's blobs, the newest first.
func (db *DB) Blobs(ctx context.Context, p Principal) ([]Blob, error) {
	return db.blobs(ctx, `SELECT digest, owner_id, tenant_id, size, stored, created_at FROM blobs WHERE`+mine+`
		ORDER BY created_at DESC, digest`, p.args()...)
}

// UnusedBlobs gives, for the system, the blobs that nothing of their owner's
// names: no chronicle, no archive and no launch request.
func (db *DB) UnusedBlobs(ctx context.Context) ([]Blob, error) {
	return db.blobs(ctx, `SELECT digest, owner_id, tenant_id, size, stored, created_at FROM blobs b WHERE NOT`+used+` ORDER BY digest`)
}

func (db *DB) blobs(ctx context.Context, query string, args ...any) ([]Blob, error) {
	rows, err := db.r.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Blob{}
	for rows.Next() {
		var b Blob
		var created int64
		if err := rows.Scan(&b.Digest, &b.OwnerID, &b.TenantID, &b.Size, &b.Stored, &created); err != nil {
			return nil, err
		}
		b.CreatedAt = moment(created)
		out = append(out, b)
	}
	return out, rows.Err()
}

// BlobKnown reports, for the system, whether anybody has a blob of that digest.
func (db *DB) BlobKnown(ctx context.Context, digest string) (known bool, err error) {
	err = db.r.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM blobs WHERE digest = ?)`, digest).Scan(&known)
	return known, err
}

// DropBlob deletes, for the system, the row of a blob that nothing names. It
// reports whether the row went, and whether it was the last of its digest: the
// file may go then.
func (db *DB) DropBlob(ctx context.Context, b Blob) (dropped, last bool, err error) {
	err = db.write(ctx, func(t *tx) error {
		res, err := t.ExecContext(ctx, `DELETE FROM blobs AS b WHERE tenant_id = ? AND owner_id = ? AND digest = ? AND NOT`+used,
			b.TenantID, b.OwnerID, b.Digest)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		dropped = true
		if err := t.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM blobs WHERE digest = ?)`, b.Digest).Scan(&last); err != nil || !last {
			return err
		}
		_, err = t.ExecContext(ctx, `DELETE FROM manifests WHERE manifest = ?`, b.Digest)
		return err
	})
	return dropped, last, err
}
