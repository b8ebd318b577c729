package secret

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"volundr/runtime/broker/wire"
)

func place(t *testing.T, url string) Place {
	t.Helper()
	return Place{URL: url, Dir: filepath.Join(t.TempDir(), "secrets"), Home: t.TempDir()}
}

// While the broker or the daemon is away it is asked again; then files and
// variables are there, for the user alone.
func TestTakeWaitsAndLays(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		json.NewEncoder(w).Encode(wire.Secrets{Env: map[string]string{"VOLUNDR_TEST_SECRET": "v1"},
			Files: []wire.SecretFile{{Path: "ssh/id_rsa", Link: ".ssh/id_rsa", Data: []byte("key\n")}, {Path: "tls/a.key", Data: []byte("k")}}})
	}))
	defer srv.Close()
	t.Setenv("VOLUNDR_TEST_SECRET", "") // put back afterwards
	at := place(t, srv.URL)
	if err := Take(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if got := os.Getenv("VOLUNDR_TEST_SECRET"); got != "v1" || asked.Load() != 3 {
		t.Errorf("%q after %d", got, asked.Load())
	}
	b, err := os.ReadFile(filepath.Join(at.Home, ".ssh/id_rsa"))
	if err != nil || string(b) != "key\n" {
		t.Errorf("%q %v", b, err)
	}
	if info, err := os.Lstat(filepath.Join(at.Home, ".ssh/id_rsa")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the home holds more than a link: %v", err)
	}
	for _, f := range []string{"ssh/id_rsa", "tls/a.key"} {
		if info, err := os.Stat(filepath.Join(at.Dir, f)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info, err)
		}
	}
}

func TestARefusalIsTold(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(422)
		json.NewEncoder(w).Encode(wire.Problem{Detail: "There is no credential."})
	}))
	defer srv.Close()
	if err := Take(t.Context(), place(t, srv.URL)); err == nil || err.Error() != "There is no credential." {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Take(ctx, place(t, "http://127.0.0.1:1/")); err == nil {
		t.Error("taken from nobody")
	}
}

func TestLay(t *testing.T) {
	file := func(path, link string) []wire.SecretFile {
		return []wire.SecretFile{{Path: path, Link: link, Data: []byte("x")}}
	}
	t.Run("a file of the user's own stays", func(t *testing.T) {
		at := place(t, "")
		own := filepath.Join(at.Home, ".git-credentials")
		if err := os.WriteFile(own, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := at.Lay(file("git-credentials", ".git-credentials")); err == nil || !strings.Contains(err.Error(), own) {
			t.Error(err)
		}
		if b, _ := os.ReadFile(own); string(b) != "mine" {
			t.Errorf("%q", b)
		}
	})
	t.Run("a link of an earlier start is replaced", func(t *testing.T) {
		at := place(t, "")
		link := filepath.Join(at.Home, "key")
		if err := os.Symlink(filepath.Join(at.Dir, "old"), link); err != nil {
			t.Fatal(err)
		}
		if err := at.Lay(file("new", "key")); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(link); string(b) != "x" || err != nil {
			t.Error(err)
		}
	})
	t.Run("no way out", func(t *testing.T) {
		at := place(t, "")
		out := t.TempDir()
		if err := os.Symlink(out, filepath.Join(at.Home, ".ssh")); err != nil {
			t.Fatal(err)
		}
		for _, f := range [][]wire.SecretFile{file("../x", ""), file("/x", ""), file("x", "../y"), file("x", ".ssh/id_rsa")} {
			if err := at.Lay(f); err == nil {
				t.Errorf("laid %s, %s", f[0].Path, f[0].Link)
			}
		}
		if list, _ := os.ReadDir(out); len(list) > 0 {
			t.Errorf("%v", list)
		}
	})
	t.Run("three at once", func(t *testing.T) {
		home := t.TempDir()
		dir := filepath.Join(t.TempDir(), "secrets")
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				at := Place{Dir: dir, Home: home}
				if err := at.link(wire.SecretFile{Path: "a", Link: ".ssh/a"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}
