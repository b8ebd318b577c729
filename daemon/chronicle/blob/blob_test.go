package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"filippo.io/age"

	"volundr/store"
	"volundr/store/storetest"
)

var anna, bert = Owner{"anna", "t"}, Owner{"bert", "t"}

// world is a data directory on which daemons live and die.
type world struct {
	t    *testing.T
	dir  string
	key  *age.HybridIdentity
	db   *store.DB
	fuse func() error
	*Blobs
}

func newWorld(t *testing.T) *world {
	t.Helper()
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir(), key: key}
	w.db, err = store.Open(storetest.New(t, w.dir), store.WithFuse(func() error {
		if w.fuse == nil {
			return nil
		}
		return w.fuse()
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	w.begin(nil)
	return w
}

// begin is a daemon's start; wrap may put something before its folder.
func (w *world) begin(wrap func(Place) Place) {
	w.t.Helper()
	var place Place
	folder, err := NewFolder(filepath.Join(w.dir, "blobs"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { folder.Close() })
	place = folder
	if wrap != nil {
		place = wrap(folder)
	}
	w.Blobs = New(Options{
		DB: w.db, Place: place,
		Seal: func(_ context.Context, out io.Writer) (io.WriteCloser, error) {
			return age.Encrypt(out, w.key.Recipient())
		},
		Open: func(_ context.Context, in io.Reader) (io.Reader, error) { return age.Decrypt(in, w.key) },
	})
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// name has a session of anna's be made of a blob.
func (w *world) name(digest string) {
	w.t.Helper()
	raw, err := json.Marshal(map[string]any{"from": map[string]string{"workspace": digest}})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.db.CreateSession(w.t.Context(), store.Session{Name: "s", OwnerID: "anna", TenantID: "t", Runtime: "fake", Request: raw}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) files() (names []string) {
	w.t.Helper()
	list, err := os.ReadDir(filepath.Join(w.dir, "blobs"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func (w *world) put(body []byte) (store.Blob, func()) {
	w.t.Helper()
	b, release, err := w.Put(w.t.Context(), anna, bytes.NewReader(body), 1<<30)
	if err != nil {
		w.t.Fatal(err)
	}
	return b, release
}

func (w *world) get(digest string) []byte {
	w.t.Helper()
	r, _, err := w.Get(w.t.Context(), anna, digest)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return body
}

func TestAPackIsStoredEncryptedAndComesBack(t *testing.T) {
	w := newWorld(t)
	body := bytes.Repeat([]byte("the quick brown fox "), 100_000)
	b, release := w.put(body)
	defer release()
	if b.Digest != digestOf(body) || b.Size != int64(len(body)) || b.Stored <= b.Size {
		t.Errorf("stored as %+v", b)
	}
	if got := w.get(b.Digest); !bytes.Equal(got, body) {
		t.Error("other bytes came back")
	}
	raw, err := os.ReadFile(filepath.Join(w.dir, "blobs", b.Digest))
	if err != nil || bytes.Contains(raw, []byte("brown fox")) || int64(len(raw)) != b.Stored {
		t.Errorf("the file: %v, %d bytes", err, len(raw))
	}
	if _, _, err := w.Get(t.Context(), bert, b.Digest); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("somebody else's: %v", err)
	}
	for _, name := range []string{"", "..", "../volundr.db", strings.Repeat("g", 64), strings.ToUpper(b.Digest)} {
		if _, _, err := w.Get(t.Context(), anna, name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestWhatIsNotWholeIsNotStored(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 200_000)
	cut := errors.New("the session is gone")
	for name, c := range map[string]struct {
		r    io.Reader
		full bool
		want error
	}{
		"a stream that breaks off": {r: io.MultiReader(bytes.NewReader(body), iotest.ErrReader(cut)), want: cut},
		"one that is too large":    {r: bytes.NewReader(append(body, body...)), want: ErrTooLarge},
		"a full disk":              {r: bytes.NewReader(body), full: true, want: store.ErrFull},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.full {
				w.begin(func(p Place) Place { return full{p} })
			}
			_, _, err := w.Put(t.Context(), anna, c.r, 300_000)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if blobs, err := w.db.Blobs(t.Context(), store.Principal{UserID: "anna", TenantID: "t"}); err != nil || len(blobs) > 0 {
				t.Errorf("rows %v, %v", blobs, err)
			}
			if len(w.files()) > 0 {
				t.Errorf("files %v", w.files())
			}
		})
	}
}

// full is a disk with room for 100,000 bytes.
type full struct{ Place }

func (f full) Write(ctx context.Context, fill func(io.Writer) (string, error), keep func(string, int64, io.Reader) error) error {
	return f.Place.Write(ctx, func(w io.Writer) (string, error) { return fill(&room{w, 100_000}) }, keep)
}

type room struct {
	w    io.Writer
	left int
}

func (r *room) Write(p []byte) (int, error) {
	if len(p) > r.left {
		n, _ := r.w.Write(p[:r.left])
		r.left = 0
		return n, fmt.Errorf("write: %w", syscall.ENOSPC)
	}
	r.left -= len(p)
	return r.w.Write(p)
}

func TestDamageIsNoticed(t *testing.T) {
	w := newWorld(t)
	b, release := w.put(bytes.Repeat([]byte("0123456789"), 50_000))
	defer release()
	path := filepath.Join(w.dir, "blobs", b.Digest)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, release := w.put([]byte("another pack"))
	defer release()
	swapped, err := os.ReadFile(filepath.Join(w.dir, "blobs", other.Digest))
	if err != nil {
		t.Fatal(err)
	}
	flip := func(i int) []byte {
		c := bytes.Clone(whole)
		c[i] ^= 1
		return c
	}
	for name, raw := range map[string][]byte{
		"a flipped bit in the middle": flip(len(whole) / 2), "in the head": flip(40), "at the end": flip(len(whole) - 1),
		"cut short": whole[:len(whole)-70_000], "cut at a chunk": whole[:len(whole)-len(whole)%65552], "empty": {}, "another pack": swapped,
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := w.Verify(t.Context(), anna, b.Digest); err == nil {
				t.Error("passed for whole")
			}
		})
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := w.Verify(t.Context(), anna, b.Digest); !errors.Is(err, ErrDamaged) {
		t.Errorf("gone: %v", err)
	}
}

func TestOnlyWhatNothingNamesIsTakenAway(t *testing.T) {
	w := newWorld(t)
	used, release := w.put([]byte("used"))
	w.name(used.Digest)
	release()
	held, release := w.put([]byte("held"))
	unused, drop := w.put([]byte("unused"))
	drop()
	shared, drop := w.put([]byte("shared"))
	drop()
	drop, err := w.Share(t.Context(), anna, bert, shared.Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, letGo, err := w.Put(t.Context(), anna, strings.NewReader("manifest"), 100, held.Digest)
	if err != nil {
		t.Fatal(err)
	}
	freed, err := w.Sweep(t.Context())
	if err != nil || freed != unused.Stored {
		t.Errorf("freed %d, %v; want %d", freed, err, unused.Stored)
	}
	if len(w.files()) != 4 {
		t.Errorf("left: %v", w.files())
	}
	release()
	drop()
	// What a manifest names goes and stays with it.
	row, err := w.db.CreateSession(t.Context(), store.Session{Name: "s", OwnerID: "anna", TenantID: "t", Runtime: "fake"})
	if err != nil {
		t.Fatal(err)
	}
	archived := row
	archived.Archive = manifest.Digest
	if row, err = w.db.Conclude(t.Context(), row, archived); err != nil {
		t.Fatal(err)
	}
	letGo()
	if freed, err = w.Sweep(t.Context()); err != nil || freed != shared.Stored {
		t.Errorf("freed %d, %v; want the shared pack, %d", freed, err, shared.Stored)
	}
	restored := row
	restored.Archive = ""
	if _, err = w.db.Conclude(t.Context(), row, restored); err != nil {
		t.Fatal(err)
	}
	if freed, err = w.Sweep(t.Context()); err != nil || freed != held.Stored+manifest.Stored {
		t.Errorf("freed %d, %v; want manifest and volume", freed, err)
	}
	if got := w.files(); len(got) != 1 || got[0] != used.Digest {
		t.Errorf("left: %v", got)
	}
	if got := w.get(used.Digest); string(got) != "used" {
		t.Errorf("%q", got)
	}
}

// dying ends the process at a step of the folder: before or after it happened.
type dying struct {
	Place
	step func() error
}

func (d dying) Write(ctx context.Context, fill func(io.Writer) (string, error), keep func(string, int64, io.Reader) error) error {
	if err := d.step(); err != nil {
		return err
	}
	err := d.Place.Write(ctx, func(w io.Writer) (string, error) {
		name, err := fill(w)
		if err == nil {
			err = d.step()
		}
		return name, err
	}, func(name string, size int64, back io.Reader) error {
		if err := d.step(); err != nil {
			return err
		}
		return keep(name, size, back)
	})
	if err != nil {
		return err
	}
	return d.step()
}

func (d dying) Remove(ctx context.Context, name string) error {
	if err := d.step(); err != nil {
		return err
	}
	if err := d.Place.Remove(ctx, name); err != nil {
		return err
	}
	return d.step()
}

func TestKilledAtEveryStep(t *testing.T) {
	dead := errors.New("the process is dead")
	for n := 0; ; n++ {
		w := newWorld(t)
		left := n
		step := func() error {
			if left--; left < 0 {
				return dead
			}
			return nil
		}
		w.begin(func(p Place) Place { return dying{p, step} })
		w.fuse = step
		_, release, err := w.Put(t.Context(), anna, strings.NewReader("a pack"), 100)
		if err == nil {
			release()
			_, err = w.Sweep(t.Context())
		}
		w.fuse = nil
		// The next daemon: what counts is whole, and nothing is left of the rest.
		w.begin(nil)
		blobs, berr := w.db.Blobs(t.Context(), store.Principal{UserID: "anna", TenantID: "t"})
		if berr != nil {
			t.Fatal(berr)
		}
		for _, b := range blobs {
			if err := w.Verify(t.Context(), anna, b.Digest); err != nil {
				t.Errorf("killed at step %d: %v", n, err)
			}
		}
		if _, err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(w.files()) > 0 {
			t.Errorf("killed at step %d: %v is left", n, w.files())
		}
		if err == nil {
			if n < 8 {
				t.Errorf("only %d steps", n)
			}
			return
		}
	}
}

func TestAHalfWrittenFileDoesNotOutliveItsProcess(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(filepath.Join(w.dir, "blobs", unfinished+"1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.begin(nil)
	if len(w.files()) > 0 {
		t.Errorf("left: %v", w.files())
	}
}
