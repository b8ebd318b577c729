package workspace

import (
	"archive/tar"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
)

// furnishing is a session's folders and a daemon that gives files.
func furnishing(t *testing.T, files map[string]string) Places {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if files == nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
			w.Write([]byte(`{"detail":"There is no file .env."}`))
			return
		}
		out := tar.NewWriter(w)
		for name, text := range files {
			out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(text))})
			out.Write([]byte(text))
		}
		out.Close()
	}))
	t.Cleanup(srv.Close)
	return Places{Workspace: t.TempDir(), Home: t.TempDir(), Files: srv.URL}
}

func read(t *testing.T, name ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(name...))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

func quiet(Report) {}

func TestSetupRunsOnceInTheWorkspaceAfterTheFiles(t *testing.T) {
	at := furnishing(t, map[string]string{".env": "A=1\n", "conf/local.yaml": "x", "../out": "no", "mine": "theirs"})
	if err := os.WriteFile(filepath.Join(at.Workspace, "mine"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := wire.Config{Files: []string{".env"}, Setup: []string{". ./.env; echo run $A >> ran", "echo two >> ran"}}
	var said []Report
	if err := Furnish(t.Context(), c, at, func(r Report) { said = append(said, r) }); err != nil {
		t.Fatal(err)
	}
	if len(said) != 3 || !said[1].Setup || said[2].Detail != "Running setup script 2 of 2: echo two >> ran" {
		t.Errorf("%+v", said)
	}
	if err := Furnish(t.Context(), c, at, quiet); err != nil {
		t.Fatal(err)
	}
	if got := read(t, at.Workspace, "ran"); got != "run 1\ntwo\n" {
		t.Errorf("ran: %q", got)
	}
	if read(t, at.Workspace, "mine") != "mine" || read(t, at.Workspace, "conf/local.yaml") != "x" || read(t, at.Workspace, "../out") != "" {
		t.Error("files are not where they belong")
	}
	if info, err := os.Stat(filepath.Join(at.Workspace, ".env")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf(".env: %v %v", info, err)
	}
}

func TestAFailedSetupTellsItsOutputAndIsTriedAgain(t *testing.T) {
	at := furnishing(t, map[string]string{})
	c := wire.Config{Setup: []string{"echo begin >> ran", "seq 1 9000; echo tells why >&2; test -e ok || exit 3\necho never", "echo third >> ran"}}
	err := Furnish(t.Context(), c, at, quiet)
	var failed *SetupError
	if !errors.As(err, &failed) || !strings.HasPrefix(err.Error(), "Setup script 2 of 3 failed (exit status 3): seq 1 9000") {
		t.Fatal(err)
	}
	if !strings.HasSuffix(failed.Output, "9000\ntells why") || len(failed.Output) > lastOutput || strings.HasPrefix(failed.Output, "\n") {
		t.Errorf("output: %d bytes, …%q", len(failed.Output), last(failed.Output, 40))
	}
	if log := read(t, at.Home, SetupLog); !strings.Contains(log, "\n1\n2\n") || !strings.Contains(log, "# Setup script 2 of 3") {
		t.Errorf("the log lacks lines: %.200s", log)
	}
	if err := os.WriteFile(filepath.Join(at.Workspace, "ok"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Furnish(t.Context(), c, at, quiet); err != nil {
		t.Fatal(err)
	}
	if got := read(t, at.Workspace, "ran"); got != "begin\nbegin\nthird\n" {
		t.Errorf("ran: %q", got)
	}
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

func TestFilesThatAreNotGivenAreASentence(t *testing.T) {
	err := Furnish(t.Context(), wire.Config{Files: []string{".env"}}, furnishing(t, nil), quiet)
	if err == nil || err.Error() != "The files of the launch request could not be copied (There is no file .env). Mend that, then start it again." {
		t.Error(err)
	}
}
