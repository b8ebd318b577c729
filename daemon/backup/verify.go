package backup

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"volundr/store"
)

// Verify reads a backup from end to end: every checksum, the database, and that
// all that it names is in the backup. It lays the database in the system's
// folder for temporary files meanwhile.
func Verify(ctx context.Context, o Options) (Info, error) {
	i, err := o.verify(ctx)
	if err != nil {
		return i, fmt.Errorf("verify %s: %w", o.File, err)
	}
	return i, nil
}

func (o Options) verify(ctx context.Context) (i Info, err error) {
	in, err := o.open()
	if err != nil {
		return i, err
	}
	defer in.Close()
	dir, err := os.MkdirTemp("", "volundr-verify-*")
	if err != nil {
		return i, err
	}
	defer os.RemoveAll(dir)
	at := filepath.Join(dir, nameDB)
	i, has, err := read(ctx, in, func(name string, _ int64, r io.Reader) error {
		if name == nameDB {
			return lay(at, r)
		}
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if err != nil {
		return i, err
	}
	db, err := store.Inspect(ctx, at)
	if err != nil {
		return i, err
	}
	return i, i.whole(db, has)
}

// whole reports what the database names and the backup has not.
func (i Info) whole(db store.Contents, has contents) error {
	named := contentsOf(db)
	for _, name := range slices.Sorted(maps.Keys(named)) {
		size, there := has[name]
		switch {
		case there && size != named[name]:
			return fmt.Errorf("%w: %s has %d bytes, and the database says %d", ErrDamaged, name, size, named[name])
		case !there && !slices.Contains(i.Missing, name):
			return fmt.Errorf("%w: %s is named in the database, and missing", ErrDamaged, name)
		}
	}
	if db.Installation != i.Installation || db.Schema != i.Schema {
		return fmt.Errorf("%w: the database is of another installation than it says", ErrDamaged)
	}
	return nil
}

// lay writes a new file that only its owner can read.
func lay(path string, r io.Reader) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r)
	if err == nil {
		err = out.Sync()
	}
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}
