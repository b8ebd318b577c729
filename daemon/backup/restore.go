package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"volundr/daemon/vault"
	"volundr/store"
)

// Restored is what Restore did.
type Restored struct {
	Info
	// Opens: the key of the credentials and packs is there.
	Opens bool
	// Kept are files of the configuration that stay as they are, though the
	// backup has others.
	Kept []string
}

// Unfinished reports whether a restore was cut off in a data directory: no
// daemon may use it, and Restore begins anew there.
func Unfinished(data string) bool {
	_, err := os.Lstat(filepath.Join(data, dirRestoring))
	return err == nil
}

// Restore makes the data directory, in which no installation may be, that of the
// backup: all of it, or none. The caller holds the directory's lock. mend may
// change the database, which has the newest schema, before it is in its place.
// ErrUsed when the directory is in use.
func Restore(ctx context.Context, o Options, mend func(context.Context, *store.DB, Info) error) (Restored, error) {
	out, err := o.restore(ctx, mend)
	if err != nil {
		return out, fmt.Errorf("restore %s: %w", o.File, err)
	}
	return out, nil
}

func (o Options) restore(ctx context.Context, mend func(context.Context, *store.DB, Info) error) (out Restored, err error) {
	in, err := o.open()
	if err != nil {
		return out, err
	}
	defer in.Close()
	staging := filepath.Join(o.Paths.Data, dirRestoring)
	if err := o.begin(staging); err != nil {
		return out, err
	}
	out, err = o.unpack(ctx, staging, in, mend)
	if err != nil {
		// Nothing of it is in its place yet.
		return out, errors.Join(err, os.RemoveAll(staging))
	}
	if out.Kept, err = o.layConfig(staging); err != nil {
		return out, err
	}
	return out, o.place(staging)
}

// pieces are what an installation consists of, in the order in which it is put
// in its place: the database comes last.
func (o Options) pieces() map[string]string {
	return map[string]string{"keys": o.Paths.Keys, "archives": o.Paths.Archives, "files": o.Paths.Files, nameToken: o.Paths.Token}
}

// begin makes the folder that keeps daemons away, and takes away what a restore
// that was cut off has put in its place.
func (o Options) begin(staging string) error {
	if !Unfinished(o.Paths.Data) {
		if what := o.used(); what != "" {
			return fmt.Errorf("%w: there is %s already. Choose another folder with --data-dir, or move that away", ErrUsed, what)
		}
		o.step("begin")
		if err := os.MkdirAll(staging, 0o700); err != nil {
			return err
		}
		return syncDir(o.Paths.Data)
	}
	for _, path := range append([]string{o.Paths.DB + "-wal", o.Paths.DB + "-shm", o.Paths.DB}, values(o.pieces())...) {
		o.step("clean up")
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	inside, err := os.ReadDir(staging)
	if err != nil {
		return err
	}
	for _, e := range inside {
		if err := os.RemoveAll(filepath.Join(staging, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// used is what there is of an installation; empty: nothing.
func (o Options) used() string {
	for _, path := range append([]string{o.Paths.DB}, values(o.pieces())...) {
		info, err := os.Lstat(path)
		if err != nil {
			continue
		}
		if info.IsDir() {
			if inside, err := os.ReadDir(path); err == nil && len(inside) == 0 {
				continue
			}
		}
		return path
	}
	return ""
}

func values(m map[string]string) (out []string) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// unpack lays all of a backup into staging, checks it, and brings it to this
// program's schema.
func (o Options) unpack(ctx context.Context, staging string, in io.Reader, mend func(context.Context, *store.DB, Info) error) (out Restored, err error) {
	root, err := os.OpenRoot(staging)
	if err != nil {
		return out, err
	}
	defer root.Close()
	var has contents
	out.Info, has, err = read(ctx, in, func(name string, _ int64, r io.Reader) error {
		o.step("lay " + name)
		return layIn(root, name, r)
	})
	if err != nil {
		return out, err
	}
	at := filepath.Join(staging, nameDB)
	found, err := store.Inspect(ctx, at)
	if err == nil {
		err = out.whole(found, has)
	}
	if err != nil {
		return out, err
	}
	o.step("open the database")
	db, err := store.Open(at)
	if err != nil {
		return out, err
	}
	v := o.vault(filepath.Join(staging, "keys"), out.Installation)
	v.DB = db
	out.Opens, err = vault.Import(ctx, v)
	if err == nil && mend != nil {
		err = mend(ctx, db, out.Info)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return out, err
	}
	return out, o.tidy(staging)
}

// tidy leaves nothing of the database but its file.
func (o Options) tidy(staging string) error {
	all, err := filepath.Glob(filepath.Join(staging, nameDB) + "*")
	if err != nil {
		return err
	}
	for _, path := range all {
		switch {
		case strings.HasSuffix(path, "-wal"), strings.HasSuffix(path, "-shm"):
			return fmt.Errorf("%s is open elsewhere", path)
		case strings.HasSuffix(path, ".bak"): // the backup itself is that copy
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	f, err := os.OpenFile(filepath.Join(staging, nameDB), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func layIn(root *os.Root, name string, r io.Reader) error {
	if dir := filepath.Dir(filepath.FromSlash(name)); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	out, err := root.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, r); err != nil {
		return errors.Join(err, out.Close())
	}
	return errors.Join(out.Sync(), out.Close())
}

// place puts what was checked in its place: from here on a restore that is cut
// off is begun anew.
func (o Options) place(staging string) error {
	for name, path := range o.pieces() {
		o.step("place " + name)
		if err := move(filepath.Join(staging, name), path); err != nil {
			return err
		}
	}
	o.step("place the database")
	if err := move(filepath.Join(staging, nameDB), o.Paths.DB); err != nil {
		return err
	}
	if err := syncDir(o.Paths.Data); err != nil {
		return err
	}
	o.step("let daemons in")
	if err := os.RemoveAll(staging); err != nil {
		return err
	}
	return syncDir(o.Paths.Data)
}

// move renames what is there, over an empty folder too.
func move(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.IsDir() {
		err = syncDir(from)
	}
	if err != nil {
		return err
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(from, to)
}
