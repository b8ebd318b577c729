package backup

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"volundr/store"
)

// older is a backup that a version with six migrations made.
func older(t *testing.T) string {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", "schema-6.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	in, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "older.tar")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAnOlderBackupIsBroughtToThisVersion(t *testing.T) {
	to := &installation{t: t, paths: pathsIn(t, filepath.Join(t.TempDir(), "data"))}
	file := older(t)
	if i, err := Verify(t.Context(), to.options(file, nil)); err != nil || i.Schema != 6 {
		t.Fatalf("%+v %v", i, err)
	}
	out, err := Restore(t.Context(), to.options(file, nil), func(ctx context.Context, db *store.DB, i Info) error {
		_, err := db.Presets(ctx, store.Principal{UserID: "local", TenantID: "default"}) // a table of later
		return err
	})
	if err != nil || out.Installation != "oldoldol" || !out.Opens {
		t.Fatalf("%+v %v", out, err)
	}
	db, err := store.Open(to.paths.DB)
	to.check(err)
	defer db.Close()
	s, err := db.Session(t.Context(), store.Principal{UserID: "local", TenantID: "default"}, "7c0f6d2e-4f5c-4c53-9d0e-0a8c6b1c2d3e")
	if err != nil || s.Name != "from-before" {
		t.Errorf("%+v %v", s, err)
	}
	left, err := filepath.Glob(to.paths.DB + "?*")
	for _, path := range left {
		if filepath.Ext(path) == ".bak" {
			t.Errorf("%s is left (%v)", path, err)
		}
	}
}

// A backup of a newer version, whose database this one does not know.
func TestABackupOfANewerDatabaseIsRefused(t *testing.T) {
	in := newInstallation(t, nil)
	file := in.backedUp(nil)
	newer := rewritten(t, file, func(i *Info, name string, b []byte) (string, []byte) {
		if i.Schema = 9999; name == nameDB {
			b = append([]byte{}, b...)
			copy(b[60:64], []byte{0, 0, 0x27, 0x0f}) // user_version of the file format
		}
		return name, b
	})
	to := in.empty(nil)
	if _, err := Restore(t.Context(), to.options(newer, nil), nil); !errors.Is(err, store.ErrNewer) {
		t.Errorf("%v", err)
	}
	if _, err := Verify(t.Context(), to.options(newer, nil)); !errors.Is(err, store.ErrNewer) {
		t.Errorf("%v", err)
	}
}
