package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"volundr/daemon/link"
	"volundr/store"
	"volundr/store/storetest"
)

var (
	anna = store.Principal{UserID: "anna", TenantID: "t1"}
	bert = store.Principal{UserID: "bert", TenantID: "t1"}
)

// ring is a keyring in memory.
type ring struct {
	mu      sync.Mutex
	secrets map[string]string
	err     error
	hang    chan struct{} // not nil: every call waits for it
}

func (r *ring) Get(service, user string) (string, error) {
	if r.hang != nil {
		<-r.hang
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return "", r.err
	}
	s, ok := r.secrets[service+"/"+user]
	if !ok {
		return "", keyring.ErrNotFound
	}
	return s, nil
}

func (r *ring) Set(service, user, secret string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	r.secrets[service+"/"+user] = secret
	return nil
}

var errNoRing = errors.New("no keyring here")

// place is a data directory with its database.
type place struct {
	dir string
	db  *store.DB
	log *bytes.Buffer
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{dir: t.TempDir(), log: &bytes.Buffer{}}
	db, err := store.Open(storetest.New(t, p.dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p.db = db
	return p
}

// vault opens a vault over the place, as a daemon that starts does.
func (p *place) vault(r Keyring, change ...func(*Options)) *Vault {
	o := Options{
		DB: p.db, Dir: p.dir, Installation: "i1", Keyring: r, Env: func(string) string { return "" },
		Log: slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&o)
	}
	return New(o)
}

// session makes a session of anna's and gives a context of its requests.
func (p *place) session(t *testing.T) context.Context {
	t.Helper()
	s, err := p.db.CreateSession(t.Context(), store.Session{Name: "s", OwnerID: "anna", TenantID: "t1", Runtime: "fake", Request: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	return link.WithSession(t.Context(), s.ID)
}

func put(t *testing.T, v *Vault, p store.Principal, name, typ string, values Values) {
	t.Helper()
	if _, err := v.Put(t.Context(), p, Credential{Name: name, Type: typ}, values); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, v *Vault, p store.Principal, name string) map[string]string {
	t.Helper()
	_, values, err := v.Get(t.Context(), p, name)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestValuesAreSealedAndComeBack(t *testing.T) {
	p := newPlace(t)
	r := &ring{secrets: map[string]string{}}
	v := p.vault(r)
	put(t, v, anna, "github", Generic, Values{"token": "canary-1234"})

	if got := get(t, p.vault(r), anna, "github")["token"]; got != "canary-1234" {
		t.Errorf("after a restart the value is %q", got)
	}
	if _, _, err := v.Get(t.Context(), bert, "github"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another's credential: %v", err)
	}
	list, err := v.List(t.Context(), anna, "")
	if err != nil || len(list) != 1 || list[0].Keys[0] != "token" {
		t.Errorf("list: %+v, %v", list, err)
	}
	row, err := p.db.Credential(t.Context(), anna, "github")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(row.Sealed, []byte("canary")) {
		t.Error("the value stands in clear in the row")
	}
	p.db.Close()
	files, _ := filepath.Glob(filepath.Join(p.dir, "*"))
	for _, f := range files {
		if b, _ := os.ReadFile(f); bytes.Contains(b, []byte("canary-1234")) {
			t.Errorf("the value stands in %s", f)
		}
	}
}

func TestASealedValueOpensOnlyInItsRow(t *testing.T) {
	p := newPlace(t)
	v := p.vault(&ring{err: errNoRing})
	put(t, v, anna, "a", APIKey, Values{"api_key": "k"})
	row, err := p.db.Credential(t.Context(), anna, "a")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		to     store.Principal
		change func(*store.Credential)
	}{
		"another owner": {bert, func(*store.Credential) {}},
		"another name":  {anna, func(c *store.Credential) { c.Name = "b" }},
		"another type":  {anna, func(c *store.Credential) { c.Type = Generic }},
		"a bit changed": {anna, func(c *store.Credential) { c.Sealed = bytes.Clone(c.Sealed); c.Sealed[len(c.Sealed)-1] ^= 1 }},
		"cut":           {anna, func(c *store.Credential) { c.Sealed = c.Sealed[:5] }},
	} {
		t.Run(name, func(t *testing.T) {
			moved := row
			c.change(&moved)
			if _, err := p.db.PutCredential(t.Context(), c.to, moved); err != nil {
				t.Fatal(err)
			}
			if _, values, err := v.Get(t.Context(), c.to, moved.Name); err == nil {
				t.Errorf("it opened: %d values", len(values))
			} else if !strings.Contains(err.Error(), "Set it again") {
				t.Errorf("the error has no next step: %v", err)
			}
		})
	}
}

func TestThePlaceOfTheKeyIsChosenOnce(t *testing.T) {
	t.Run("keyring, away later", func(t *testing.T) {
		p := newPlace(t)
		r := &ring{secrets: map[string]string{}}
		put(t, p.vault(r), anna, "a", Generic, Values{"x": "1"})
		if w := p.vault(r).Warning(t.Context()); w != "" {
			t.Errorf("warned of %q", w)
		}
		r.err = errNoRing
		v := p.vault(r)
		if _, _, err := v.Get(t.Context(), anna, "a"); err == nil || !strings.Contains(err.Error(), "Unlock the keyring") {
			t.Errorf("without the keyring: %v", err)
		}
		if _, err := v.Put(t.Context(), anna, Credential{Name: "b", Type: Generic}, Values{"x": "1"}); err == nil {
			t.Error("another key was made")
		}
		if _, err := os.Stat(filepath.Join(p.dir, keyFile)); err == nil {
			t.Error("a file was made")
		}
		r.err = nil
		if get(t, p.vault(r), anna, "a")["x"] != "1" {
			t.Error("lost when the keyring came back")
		}
	})
	t.Run("file, a keyring later", func(t *testing.T) {
		p := newPlace(t)
		put(t, p.vault(&ring{err: errNoRing}), anna, "a", Generic, Values{"x": "1"})
		r := &ring{secrets: map[string]string{}}
		v := p.vault(r)
		put(t, v, anna, "b", Generic, Values{"x": "2"})
		if get(t, v, anna, "a")["x"] != "1" || len(r.secrets) != 0 {
			t.Errorf("the place changed: %v", r.secrets)
		}
		info, err := os.Stat(filepath.Join(p.dir, keyFile))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("key file: %v, %v", info, err)
		}
		if w := v.Warning(t.Context()); !strings.Contains(w, p.dir) {
			t.Errorf("warning %q", w)
		}
	})
	t.Run("a crash between key and choice", func(t *testing.T) {
		p := newPlace(t)
		r := &ring{secrets: map[string]string{"volundr/i1": newKey()}}
		put(t, p.vault(r), anna, "a", Generic, Values{"x": "1"})
		if get(t, p.vault(r), anna, "a")["x"] != "1" {
			t.Error("not the key that was there")
		}
	})
	t.Run("a key that is lost", func(t *testing.T) {
		p := newPlace(t)
		r := &ring{err: errNoRing}
		put(t, p.vault(r), anna, "a", Generic, Values{"x": "1"})
		if err := os.Remove(filepath.Join(p.dir, keyFile)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.vault(r).Get(t.Context(), anna, "a"); err == nil || !strings.Contains(err.Error(), "Set it again") {
			t.Errorf("read without a key: %v", err)
		}
		put(t, p.vault(r), anna, "a", Generic, Values{"x": "2"})
		if get(t, p.vault(r), anna, "a")["x"] != "2" {
			t.Error("cannot be set again")
		}
	})
	t.Run("a foreign file in its place", func(t *testing.T) {
		p := newPlace(t)
		if err := os.Symlink("/etc/hostname", filepath.Join(p.dir, keyFile)); err != nil {
			t.Fatal(err)
		}
		if _, err := p.vault(&ring{err: errNoRing}).Put(t.Context(), anna, Credential{Name: "a", Type: Generic}, Values{"x": "1"}); err == nil {
			t.Error("a link was followed")
		}
	})
}

func TestALockedKeyringHoldsNobodyUp(t *testing.T) {
	p := newPlace(t)
	r := &ring{secrets: map[string]string{}, hang: make(chan struct{})}
	defer close(r.hang)
	v := p.vault(r)
	v.seal.limit = 20 * time.Millisecond
	start := time.Now()
	put(t, v, anna, "a", Generic, Values{"x": "1"})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if place, _ := p.db.Meta(t.Context(), metaPlace); place != placeFile {
		t.Errorf("the key is in %q", place)
	}
}

func TestValuesDoNotPrint(t *testing.T) {
	v := Values{"k": "canary"}
	k := key{text: "canary", source: "x"}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("A thing", "values", v, "key", k, "both", []any{v, k})
	raw, _ := json.Marshal(map[string]any{"v": v})
	out.Write(raw)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		out.WriteString(sprint(verb, v) + sprint(verb, k) + sprint(verb, struct{ A any }{v}))
	}
	if strings.Contains(out.String(), "canary") || strings.Contains(out.String(), "63616e617279") {
		t.Errorf("printed: %s", out.String())
	}
}
