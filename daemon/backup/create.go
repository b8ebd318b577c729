package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"volundr/store"
)

// Create makes a backup of the data directory at o.File, whole or not at all. A
// daemon may run and go on writing: what is in the backup is the installation as
// it was at one moment. os.ErrExist when there is such a file.
func Create(ctx context.Context, o Options) (Info, error) {
	i, err := o.create(ctx)
	if err != nil {
		return i, fmt.Errorf("make a backup: %w", err)
	}
	return i, nil
}

func (o Options) create(ctx context.Context) (i Info, err error) {
	if _, err := os.Lstat(o.File); err == nil {
		return i, fmt.Errorf("%s: %w: choose another name", o.File, os.ErrExist)
	}
	if Unfinished(o.Paths.Data) {
		return i, ErrUnfinished
	}
	if _, err := os.Stat(o.Paths.DB); err != nil {
		return i, fmt.Errorf("there is nothing in %s: %w", o.Paths.Data, err)
	}
	passphrase := ""
	if o.Passphrase != nil {
		if passphrase, err = o.Passphrase(); err != nil {
			return i, err
		}
	}
	if o.Begun != nil {
		o.Begun(ctx)
	}
	st, err := o.stage(ctx)
	if err != nil {
		return i, err
	}
	defer st.end()
	i = Info{Format: format, Version: o.Version, MadeAt: time.Now().UTC().Truncate(time.Second), Installation: st.db.Installation,
		Schema: st.db.Schema, Sessions: st.db.Sessions, Packs: len(st.db.Blobs), Keys: o.Passphrase != nil, Missing: st.missing}
	if i.Keys {
		if err := st.keys(); err != nil {
			return i, err
		}
	}
	o.step("begin the file")
	partial := o.File + ".partial"
	out, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return i, err
	}
	defer os.Remove(partial) // when it was not renamed
	defer out.Close()
	if err := st.write(ctx, out, passphrase, i); err != nil {
		return i, err
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return i, err
	}
	o.step("name the file")
	// A link, where the system has them, replaces nothing that came meanwhile.
	if err := os.Link(partial, o.File); err != nil {
		if errors.Is(err, os.ErrExist) {
			return i, fmt.Errorf("%s: %w: choose another name", o.File, os.ErrExist)
		}
		if err := os.Rename(partial, o.File); err != nil {
			return i, err
		}
	}
	return i, syncDir(filepath.Dir(o.File))
}

// write gives all that was staged to out.
func (st *staging) write(ctx context.Context, out io.Writer, passphrase string, i Info) (err error) {
	if i.Keys {
		closed, err := sealed(out, passphrase, st.o.Work)
		if err != nil {
			return err
		}
		if err := st.files(ctx, closed, i); err != nil {
			return err
		}
		return closed.Close()
	}
	return st.files(ctx, out, i)
}

func (st *staging) files(ctx context.Context, out io.Writer, i Info) error {
	w, err := newWriter(out, i)
	if err != nil {
		return err
	}
	for _, name := range st.names {
		if err := ctx.Err(); err != nil {
			return err
		}
		st.o.step("write " + name)
		if b, small := st.small[name]; small {
			err = w.bytes(name, b)
		} else {
			err = w.file(name, filepath.Join(st.dir, filepath.FromSlash(name)))
		}
		if err != nil {
			return err
		}
	}
	st.o.step("end the file")
	return w.close()
}

// syncDir makes names durable, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrInvalid) {
		return err
	}
	return nil
}

// contentsOf is what a database names, by the names of a backup.
func contentsOf(db store.Contents) contents {
	out := contents{}
	for digest, size := range db.Blobs {
		out[dirArchives+digest] = size
	}
	for id, size := range db.Files {
		out[dirFiles+id] = size
	}
	return out
}
