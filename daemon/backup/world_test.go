package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/zalando/go-keyring"

	"volundr/daemon/chronicle/blob"
	"volundr/daemon/config"
	"volundr/daemon/vault"
	"volundr/store"
)

var anna = store.Principal{UserID: "anna", TenantID: "default"}

// ring is a keyring in memory; nil is none.
type ring map[string]string

func (r ring) Get(service, user string) (string, error) {
	if r == nil {
		return "", errors.New("no keyring here")
	}
	v, ok := r[service+"/"+user]
	if !ok {
		return "", keyring.ErrNotFound
	}
	return v, nil
}

func (r ring) Set(service, user, secret string) error {
	if r == nil {
		return errors.New("no keyring here")
	}
	r[service+"/"+user] = secret
	return nil
}

// installation is a data directory with one of everything.
type installation struct {
	t       testing.TB
	paths   config.Paths
	ring    ring
	session store.Session
	pack    string // digest
	file    string // id
}

const passphrase = "correct horse"

func asked() (string, error) { return passphrase, nil }

func pathsIn(t testing.TB, dir string) config.Paths {
	t.Helper()
	cfg, err := config.Load(config.Flags{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Paths
}

// lives opens the pieces of a data directory as a daemon has them.
func (in *installation) lives(use func(db *store.DB, v *vault.Vault, b *blob.Blobs)) {
	in.t.Helper()
	db, err := store.Open(in.paths.DB)
	in.check(err)
	defer db.Close()
	id, err := db.SetMetaOnce(in.t.Context(), "installation", "abcdefgh")
	in.check(err)
	v := vault.New(vault.Options{DB: db, Dir: in.paths.Keys, Installation: id, Keyring: in.ring, Env: func(string) string { return "" }})
	folder, err := blob.NewFolder(in.paths.Archives)
	in.check(err)
	defer folder.Close()
	use(db, v, blob.New(blob.Options{DB: db, Place: folder, Seal: v.Seal, Open: v.Open}))
}

func (in *installation) check(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

func newInstallation(t testing.TB, r ring) *installation {
	t.Helper()
	in := &installation{t: t, paths: pathsIn(t, t.TempDir()), ring: r}
	in.lives(func(db *store.DB, v *vault.Vault, b *blob.Blobs) {
		ctx := t.Context()
		s, err := db.CreateSession(ctx, store.Session{Name: "fix-login", OwnerID: anna.UserID, TenantID: anna.TenantID, Runtime: "fake", Request: json.RawMessage(`{}`)})
		in.check(err)
		n := s
		n.Run, n.State = 1, store.Running
		in.session, err = db.Conclude(ctx, s, n)
		in.check(err)
		in.check(db.OpenChronicle(ctx, store.Chronicle{ID: "c", SessionID: s.ID, Run: 1, OwnerID: anna.UserID, TenantID: anna.TenantID}))
		_, err = v.Put(ctx, anna, vault.Credential{Name: "key", Type: vault.Generic}, vault.Values{"value": "s3cret"})
		in.check(err)
		pack, release, err := b.Put(ctx, blob.Owner{UserID: anna.UserID, TenantID: anna.TenantID}, strings.NewReader("a pack"), 1<<20)
		in.check(err)
		in.check(db.SetPacks(ctx, s.ID, 1, store.Packs{Workspace: pack.Digest, Agent: "claude"}))
		release()
		in.pack, in.file = pack.Digest, uuid.NewString()
		in.check(os.MkdirAll(in.paths.Files, 0o700))
		in.check(os.WriteFile(filepath.Join(in.paths.Files, in.file), []byte("a file"), 0o600))
		_, err = db.AddFile(ctx, anna, store.File{ID: in.file, Name: "a.txt", Size: 6})
		in.check(err)
	})
	in.check(os.WriteFile(in.paths.Token, []byte("a token"), 0o600))
	in.check(os.MkdirAll(in.paths.Keys, 0o700))
	in.check(os.WriteFile(filepath.Join(in.paths.Keys, "link.pem"), []byte("a key"), 0o600))
	in.check(os.WriteFile(in.paths.Config, []byte("listen: 127.0.0.1:7421\n"), 0o600))
	in.check(os.MkdirAll(filepath.Join(in.paths.Data, "templates"), 0o700))
	in.check(os.WriteFile(filepath.Join(in.paths.Data, "templates", "go app.yaml"), []byte("agent: claude\n"), 0o600))
	return in
}

// options of an act at file; without a passphrase there are no keys.
func (in *installation) options(file string, passphrase func() (string, error)) Options {
	return Options{Paths: in.paths, File: file, Version: "v1", Passphrase: passphrase, Keyring: in.ring, Work: 8}
}

// backedUp is a backup of it.
func (in *installation) backedUp(passphrase func() (string, error)) string {
	in.t.Helper()
	file := filepath.Join(in.t.TempDir(), "a.backup")
	_, err := Create(in.t.Context(), in.options(file, passphrase))
	in.check(err)
	return file
}

// empty is a data directory in which nothing is yet.
func (in *installation) empty(r ring) *installation {
	out := *in
	out.paths, out.ring = pathsIn(in.t, filepath.Join(in.t.TempDir(), "data")), r
	return &out
}

// intact fails the test unless all of it is there; keys say whether they are too.
func (in *installation) intact(keys bool) {
	in.t.Helper()
	in.lives(func(db *store.DB, v *vault.Vault, b *blob.Blobs) {
		ctx := in.t.Context()
		if s, err := db.Session(ctx, anna, in.session.ID); err != nil || s.Name != in.session.Name {
			in.t.Errorf("session: %v %v", s, err)
		}
		raw, err := os.ReadFile(filepath.Join(in.paths.Files, in.file))
		if err != nil || string(raw) != "a file" {
			in.t.Errorf("file: %q %v", raw, err)
		}
		_, values, err := v.Get(ctx, anna, "key")
		bad := b.Verify(ctx, blob.Owner{UserID: anna.UserID, TenantID: anna.TenantID}, in.pack)
		if !keys {
			if err == nil || bad == nil {
				in.t.Errorf("it opens without the key: %v %v", values, bad)
			}
			return
		}
		if err != nil || values["value"] != "s3cret" || bad != nil {
			in.t.Errorf("credential: %v %v; pack: %v", values, err, bad)
		}
	})
	for path, want := range map[string]string{in.paths.Token: "a token", filepath.Join(in.paths.Keys, "link.pem"): "a key"} {
		if raw, err := os.ReadFile(path); keys && (err != nil || string(raw) != want) {
			in.t.Errorf("%s: %q %v", path, raw, err)
		} else if !keys && err == nil {
			in.t.Errorf("%s is there", path)
		}
	}
	if Unfinished(in.paths.Data) {
		in.t.Error("unfinished")
	}
}

// rewritten is a plain backup, changed.
func rewritten(t *testing.T, file string, change func(i *Info, name string, body []byte) (string, []byte)) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	type part struct {
		name string
		body []byte
	}
	var parts []part
	i, _, err := read(t.Context(), bytes.NewReader(raw), func(name string, _ int64, r io.Reader) error {
		body, err := io.ReadAll(r)
		parts = append(parts, part{name, body})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	change(&i, nameInfo, nil)
	var out bytes.Buffer
	w, err := newWriter(&out, i)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if name, body := change(&i, p.name, p.body); name != "" {
			if err := w.bytes(name, body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "b.backup")
	if err := os.WriteFile(to, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}
