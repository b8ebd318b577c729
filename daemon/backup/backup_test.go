package backup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"volundr/daemon/chronicle/blob"
	"volundr/daemon/vault"
	"volundr/store"
)

func TestABackupComesBackElsewhere(t *testing.T) {
	for name, c := range map[string]struct{ from, to ring }{
		"file to file": {nil, nil}, "file to keyring": {nil, ring{}}, "keyring to keyring": {ring{}, ring{}}, "keyring to file": {ring{}, nil},
		"keyring to another key's": {ring{}, ring{"volundr/abcdefgh": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInstallation(t, c.from)
			file := in.backedUp(asked)
			if _, err := Verify(t.Context(), in.options(file, asked)); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(file)
			in.check(err)
			if strings.Contains(string(raw), "fix-login") || strings.Contains(string(raw), "a token") {
				t.Error("it can be read without the passphrase")
			}
			to := in.empty(c.to)
			out, err := Restore(t.Context(), to.options(file, asked), nil)
			in.check(err)
			if !out.Opens || !out.Keys || out.Sessions != 1 || out.Packs != 1 || out.Installation != "abcdefgh" || len(out.Missing)+len(out.Kept) > 0 {
				t.Errorf("%+v", out)
			}
			to.intact(true)
			in.intact(true)
			_, inFile := os.Stat(filepath.Join(to.paths.Keys, vault.KeyFile))
			if name == "keyring to keyring" && inFile == nil {
				t.Error("the key lies in a file too")
			}
			for _, path := range []string{"config.yaml", "templates/go app.yaml"} {
				if _, err := os.Stat(filepath.Join(to.paths.Data, path)); err != nil {
					t.Error(err)
				}
			}
			info, err := os.Stat(file)
			in.check(err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v", info.Mode())
			}
			if _, err := os.Stat(filepath.Join(in.paths.Data, dirStaging)); err == nil {
				t.Error("something is left of the work")
			}
		})
	}
}

func TestWithoutKeys(t *testing.T) {
	in := newInstallation(t, nil)
	file := in.backedUp(nil)
	to := in.empty(nil)
	out, err := Restore(t.Context(), to.options(file, nil), nil)
	in.check(err)
	if out.Opens || out.Keys {
		t.Errorf("%+v", out)
	}
	raw, err := os.ReadFile(file)
	in.check(err)
	key, err := os.ReadFile(filepath.Join(in.paths.Keys, vault.KeyFile))
	in.check(err)
	for _, secret := range []string{"a token", "a key", "s3cret", strings.TrimSpace(string(key))} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("%q is in it", secret)
		}
	}
	to.intact(false)
	in.check(os.MkdirAll(to.paths.Keys, 0o700))
	in.check(os.WriteFile(filepath.Join(to.paths.Keys, vault.KeyFile), key, 0o600))
	in.check(os.WriteFile(to.paths.Token, []byte("a token"), 0o600))
	in.check(os.WriteFile(filepath.Join(to.paths.Keys, "link.pem"), []byte("a key"), 0o600))
	to.intact(true)

	// Where the keyring still has the key, nothing is missing.
	ringed := newInstallation(t, ring{})
	file = ringed.backedUp(nil)
	back := ringed.empty(ringed.ring)
	if out, err := Restore(t.Context(), back.options(file, nil), nil); err != nil || !out.Opens {
		t.Errorf("%+v %v", out, err)
	}
}

// While packs come and go, and sessions write, every backup is of one moment.
func TestABackupOfAnInstallationThatIsWrittenTo(t *testing.T) {
	in := newInstallation(t, nil)
	in.lives(func(db *store.DB, _ *vault.Vault, b *blob.Blobs) {
		ctx, stop := context.WithCancel(t.Context())
		var g errgroup.Group
		g.Go(func() error {
			for n := 0; ctx.Err() == nil; n++ {
				_, release, err := b.Put(t.Context(), blob.Owner{UserID: "anna", TenantID: "default"}, strings.NewReader(strings.Repeat("x", n)), 1<<20)
				if err != nil {
					return err
				}
				if _, err := db.AppendDaemon(t.Context(), in.session.ID, "note", "", n); err != nil {
					return err
				}
				release()
				if _, err := b.Sweep(t.Context()); err != nil {
					return err
				}
			}
			return nil
		})
		for range 8 {
			file := in.backedUp(nil)
			i, err := Verify(t.Context(), in.options(file, nil))
			if err != nil || len(i.Missing) > 0 {
				t.Errorf("%+v %v", i, err)
			}
			to := in.empty(nil)
			if _, err := Restore(t.Context(), to.options(file, nil), nil); err != nil {
				t.Error(err)
			}
			to.intact(false)
		}
		stop()
		in.check(g.Wait())
	})
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	in := newInstallation(t, nil)
	in.check(os.Remove(filepath.Join(in.paths.Archives, in.pack)))
	file := in.backedUp(nil)
	for range 2 {
		i, err := Verify(t.Context(), in.options(file, nil))
		if err != nil || !slices.Equal(i.Missing, []string{dirArchives + in.pack}) {
			t.Errorf("%+v %v", i, err)
		}
		to := in.empty(nil)
		out, err := Restore(t.Context(), to.options(file, nil), nil)
		if err != nil || len(out.Missing) != 1 {
			t.Errorf("%+v %v", out, err)
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	in := newInstallation(t, nil)
	file := in.backedUp(nil)
	locked := in.backedUp(asked)
	restore := func(to *installation, file string, p func() (string, error)) error {
		_, err := Restore(t.Context(), to.options(file, p), nil)
		return err
	}
	if err := restore(in, file, nil); !errors.Is(err, ErrUsed) {
		t.Errorf("a used directory: %v", err)
	}
	in.intact(true)
	for what, path := range map[string]func(*installation) string{
		"a token":  func(i *installation) string { return i.paths.Token },
		"a pack":   func(i *installation) string { return filepath.Join(i.paths.Archives, "x") },
		"a key":    func(i *installation) string { return filepath.Join(i.paths.Keys, "vault.key") },
		"database": func(i *installation) string { return i.paths.DB },
	} {
		to := in.empty(nil)
		in.check(os.MkdirAll(filepath.Dir(path(to)), 0o700))
		in.check(os.WriteFile(path(to), nil, 0o600))
		if err := restore(to, file, nil); !errors.Is(err, ErrUsed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	to := in.empty(nil)
	if err := restore(to, locked, func() (string, error) { return "wrong", nil }); !errors.Is(err, ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if err := restore(to, locked, nil); !errors.Is(err, ErrPassphrase) {
		t.Errorf("no passphrase: %v", err)
	}
	newer := rewritten(t, file, func(i *Info, name string, b []byte) (string, []byte) { i.Format = 2; return name, b })
	if err := restore(to, newer, nil); !errors.Is(err, errNewer) {
		t.Errorf("a newer backup: %v", err)
	}
	failing := errors.New("mending fails")
	_, err := Restore(t.Context(), to.options(file, nil), func(context.Context, *store.DB, Info) error { return failing })
	if !errors.Is(err, failing) {
		t.Errorf("%v", err)
	}
	for name, change := range map[string]func(string, []byte) (string, []byte){
		"without a pack":     func(n string, b []byte) (string, []byte) { return strings.TrimSuffix(n, dirArchives+in.pack), b },
		"a pack cut short":   func(n string, b []byte) (string, []byte) { return n, b[:len(b)-boolInt(n == dirArchives+in.pack)] },
		"without a database": func(n string, b []byte) (string, []byte) { return strings.TrimSuffix(n, nameDB), b },
		"another's database": func(n string, b []byte) (string, []byte) {
			if n == nameDB {
				b = []byte("no database at all")
			}
			return n, b
		},
		"a path that leads out": func(n string, b []byte) (string, []byte) {
			return strings.Replace(n, "config/templates/go app.yaml", "config/templates/../../../x", 1), b
		},
		"twice": func(n string, b []byte) (string, []byte) { return strings.Replace(n, dirFiles+in.file, nameDB, 1), b },
	} {
		bad := rewritten(t, file, func(_ *Info, n string, b []byte) (string, []byte) { return change(n, b) })
		if err := restore(to, bad, nil); err == nil {
			t.Errorf("%s: taken", name)
		}
		if _, err := Verify(t.Context(), in.options(bad, nil)); err == nil {
			t.Errorf("%s: whole", name)
		}
	}
	left, err := os.ReadDir(to.paths.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
	in.check(restore(to, file, nil))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestCreateRefuses(t *testing.T) {
	in := newInstallation(t, nil)
	file := in.backedUp(nil)
	if _, err := Create(t.Context(), in.options(file, nil)); !errors.Is(err, os.ErrExist) {
		t.Errorf("over another: %v", err)
	}
	none := in.empty(nil)
	if _, err := Create(t.Context(), none.options(file+"2", nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	in.check(os.MkdirAll(filepath.Join(in.paths.Data, dirRestoring), 0o700))
	if _, err := Create(t.Context(), in.options(file+"3", nil)); !errors.Is(err, ErrUnfinished) {
		t.Errorf("of half a restore: %v", err)
	}
}

// The configuration that is there counts.
func TestAConfigurationThatIsThereStays(t *testing.T) {
	in := newInstallation(t, nil)
	to := in.empty(nil)
	in.check(os.MkdirAll(to.paths.Data, 0o700))
	in.check(os.WriteFile(to.paths.Config, []byte("listen: 127.0.0.1:7499\n"), 0o600))
	out, err := Restore(t.Context(), to.options(in.backedUp(asked), asked), nil)
	if err != nil || !slices.Equal(out.Kept, []string{to.paths.Config}) {
		t.Errorf("%+v %v", out, err)
	}
	to.intact(true)
	if raw, _ := os.ReadFile(to.paths.Config); string(raw) != "listen: 127.0.0.1:7499\n" {
		t.Errorf("%s", raw)
	}
}
