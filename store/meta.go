package store

import "context"

// Meta gives a value of the installation. ErrNotFound when it was never set.
func (db *DB) Meta(ctx context.Context, key string) (value string, err error) {
	err = db.r.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(&value)
	return value, notFound(err)
}

// SetMetaOnce sets a value of the installation unless there is one, and returns
// what stands.
func (db *DB) SetMetaOnce(ctx context.Context, key, value string) (stands string, err error) {
	err = db.write(ctx, func(t *tx) error {
		if _, err := t.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING`, key, value); err != nil {
			return err
		}
		return t.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(&stands)
	})
	return stands, err
}

// SetMeta sets a value of the installation, whatever stands.
func (db *DB) SetMeta(ctx context.Context, key, value string) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
		return err
	})
}
