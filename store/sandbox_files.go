package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
)

// File is a row of sandbox_files: what was uploaded for sandboxes, and what they
// gave back. The bytes lie elsewhere, under the id.
type File struct {
	ID        string // uuid
	OwnerID   string
	TenantID  string
	Name      string
	Size      int64 // bytes
	CreatedAt time.Time
}

const fileColumns = `id, owner_id, tenant_id, name, size, created_at`

func scanFile(row scanner) (f File, err error) {
	var created int64
	err = row.Scan(&f.ID, &f.OwnerID, &f.TenantID, &f.Name, &f.Size, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return File{}, ErrNotFound
	}
	f.CreatedAt = moment(created)
	return f, err
}

func fileRows(rows *sql.Rows, err error) ([]File, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []File{}
	for rows.Next() {
		f, err := scanFile(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

// AddFile stores a file of p's. It fills an empty ID, owner and time.
func (db *DB) AddFile(ctx context.Context, p Principal, f File) (out File, err error) {
	err = db.write(ctx, func(t *tx) error {
		out, err = scanFile(t.QueryRowContext(ctx, `INSERT INTO sandbox_files (`+fileColumns+`) VALUES (?, ?, ?, ?, ?, ?) RETURNING `+fileColumns,
			cmp.Or(f.ID, uuid.NewString()), p.UserID, p.TenantID, f.Name, f.Size, cmp.Or(millis(f.CreatedAt), millis(t.now))))
		return err
	})
	return out, err
}

// File gives one of p's files.
func (db *DB) File(ctx context.Context, p Principal, id string) (File, error) {
	return scanFile(db.r.QueryRowContext(ctx, `SELECT `+fileColumns+` FROM sandbox_files WHERE id = ? AND`+mine, p.args(id)...))
}

// Files gives p's files, the newest first.
func (db *DB) Files(ctx context.Context, p Principal) ([]File, error) {
	return fileRows(db.r.QueryContext(ctx, `SELECT `+fileColumns+` FROM sandbox_files WHERE`+mine+
		` ORDER BY created_at DESC, rowid DESC`, p.args()...))
}

// DeleteFile deletes one of p's files.
func (db *DB) DeleteFile(ctx context.Context, p Principal, id string) error {
	return db.write(ctx, func(t *tx) error {
		_, err := scanFile(t.QueryRowContext(ctx, `DELETE FROM sandbox_files WHERE id = ? AND`+mine+` RETURNING `+fileColumns, p.args(id)...))
		return err
	})
}

// ExpiredFiles gives, for the system, the files made before a moment, and the
// oldest of the others until no more than total bytes are left. Oldest first.
func (db *DB) ExpiredFiles(ctx context.Context, before time.Time, total int64) ([]File, error) {
	return fileRows(db.r.QueryContext(ctx, `SELECT `+fileColumns+` FROM (
			SELECT *, rowid AS n, sum(size) OVER (ORDER BY created_at DESC, rowid DESC) AS since FROM sandbox_files)
		WHERE created_at < ? OR since > ? ORDER BY created_at, n`, millis(before), total))
}

// AllFiles gives everybody's files, for the system.
func (db *DB) AllFiles(ctx context.Context) ([]File, error) {
	return fileRows(db.r.QueryContext(ctx, `SELECT `+fileColumns+` FROM sandbox_files ORDER BY created_at, rowid`))
}

// ForgetFile deletes a file, for the system; one that is gone is no error.
func (db *DB) ForgetFile(ctx context.Context, id string) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.ExecContext(ctx, `DELETE FROM sandbox_files WHERE id = ?`, id)
		return err
	})
}
