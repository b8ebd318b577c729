package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"os"
)

//go:embed migrations/*.sql
var files embed.FS

var embedded, _ = fs.Sub(files, "migrations") // fails for invalid paths only

// migrate brings the file at path, open as w, to the last of the migrations:
// files that are applied in the order of their names, each in one transaction.
// The number of those applied is the file's user_version. There is no way back;
// before the first of them a file with content is copied to
// <path>.v<version>.bak.
func migrate(ctx context.Context, w *sql.DB, path string, migrations fs.FS) error {
	entries, err := fs.ReadDir(migrations, ".") // sorted
	if err != nil {
		return err
	}
	var version int
	if err := w.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	switch {
	case version > len(entries):
		return fmt.Errorf("%w: it was written by a newer Volundr (schema %d; this one knows %d): install that version again, or choose another folder with --data-dir",
			ErrNewer, version, len(entries))
	case version == len(entries):
		return nil
	case version > 0:
		if err := backup(ctx, w, fmt.Sprintf("%s.v%d.bak", path, version)); err != nil {
			return fmt.Errorf("copy before migration: %w", err)
		}
	}
	for i, e := range entries[version:] {
		script, err := fs.ReadFile(migrations, e.Name())
		if err != nil {
			return err
		}
		if err := apply(ctx, w, string(script), version+i+1); err != nil {
			return fmt.Errorf("migration %s: %w", e.Name(), err)
		}
	}
	return nil
}

// known is how many migrations there are: the newest schema.
func known() (int, error) {
	entries, err := fs.ReadDir(embedded, ".")
	return len(entries), err
}

func apply(ctx context.Context, w *sql.DB, script string, version int) error {
	tx, err := w.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, script); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, version)); err != nil {
		return err
	}
	return tx.Commit()
}

// backup writes a whole copy. One from an attempt that was cut off is replaced.
func backup(ctx context.Context, w *sql.DB, to string) error {
	// VACUUM INTO takes an empty file, and keeps its permissions.
	if err := os.WriteFile(to, nil, 0o600); err != nil {
		return err
	}
	_, err := w.ExecContext(ctx, `VACUUM INTO ?`, to)
	return err
}
