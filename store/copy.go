package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Contents is what a database file says of itself and of the files beside it.
type Contents struct {
	Schema       int
	Installation string // empty: no daemon ran with it yet
	VaultKey     string // where the vault's key is; empty: there is none yet
	Sessions     int
	Blobs        map[string]int64 // bytes of the file, by digest
	Files        map[string]int64 // bytes of the file, by id: of the sandbox API
}

// Copy writes the database file at path, as it is between two transactions, to
// a new file. A daemon may have it open and go on writing. The copy's schema is
// the file's own; ErrNewer where that is ahead of this program.
func Copy(ctx context.Context, path, to string) error {
	w, err := opened(path)
	if err != nil {
		return fmt.Errorf("copy database %s: %w", path, err)
	}
	defer w.Close()
	version, err := schema(ctx, w)
	if err == nil && version == 0 {
		err = errors.New("it holds nothing: no daemon has used it yet")
	}
	if err == nil {
		err = backup(ctx, w, to)
	}
	if err != nil {
		return fmt.Errorf("copy database %s: %w", path, explain(err))
	}
	return nil
}

// Inspect reads the database file at path from end to end, without bringing it
// to the newest schema. An error says that it is damaged, or newer (ErrNewer).
func Inspect(ctx context.Context, path string) (c Contents, err error) {
	w, err := opened(path)
	if err != nil {
		return c, fmt.Errorf("read database %s: %w", path, err)
	}
	defer w.Close()
	if c, err = inspect(ctx, w); err != nil {
		return c, fmt.Errorf("read database %s: %w", path, explain(err))
	}
	return c, nil
}

// opened opens a file that must be there.
func opened(path string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	w, err := sql.Open("sqlite", dsn(path, "deferred", "foreign_keys(1)"))
	if err != nil {
		return nil, err
	}
	w.SetMaxOpenConns(1)
	return w, nil
}

// schema is a file's version, that this program knows.
func schema(ctx context.Context, w *sql.DB) (version int, err error) {
	if err := w.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return 0, err
	}
	known, err := known()
	if err == nil && version > known {
		err = fmt.Errorf("%w: it was written by a newer Volundr (schema %d; this one knows %d): use that version", ErrNewer, version, known)
	}
	return version, err
}

func inspect(ctx context.Context, w *sql.DB) (c Contents, err error) {
	if c.Schema, err = schema(ctx, w); err != nil {
		return c, err
	}
	var sound string
	if err := w.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&sound); err != nil {
		return c, err
	}
	if sound != "ok" {
		return c, errors.New("the database is damaged: " + sound)
	}
	if c.Schema == 0 {
		return c, errors.New("it is no database of Volundr")
	}
	for key, value := range map[string]*string{"installation": &c.Installation, "vault_key": &c.VaultKey} {
		err := w.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(value)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return c, err
		}
	}
	if err := w.QueryRowContext(ctx, `SELECT count(*) FROM sessions WHERE kind = 'session'`).Scan(&c.Sessions); err != nil {
		return c, err
	}
	if c.Blobs, err = sizes(ctx, w, "blobs", `SELECT digest, max(stored) FROM blobs GROUP BY digest`); err != nil {
		return c, err
	}
	c.Files, err = sizes(ctx, w, "sandbox_files", `SELECT id, size FROM sandbox_files`)
	return c, err
}

// sizes reads files and their sizes from a table, which older schemas lack.
func sizes(ctx context.Context, w *sql.DB, table, query string) (map[string]int64, error) {
	out := map[string]int64{}
	var there bool
	if err := w.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)`, table).Scan(&there); err != nil || !there {
		return out, err
	}
	rows, err := w.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var size int64
		if err := rows.Scan(&name, &size); err != nil {
			return nil, err
		}
		out[name] = size
	}
	return out, rows.Err()
}
