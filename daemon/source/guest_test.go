package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volundr/store"
)

// Who does not own the machine uses neither its folders nor what its git knows.
func TestAGuestGetsNothingOfTheMachine(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[credential]\n\thelper = the-owners\n[http]\n\textraHeader = Authorization: the-owners\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	owner, guest := store.Principal{UserID: "local", TenantID: "default"}, store.Principal{UserID: "ann", TenantID: "default"}
	s, err := New(Options{Dir: t.TempDir(), Owns: func(_ context.Context, p store.Principal) (bool, error) { return p == owner, nil },
		Login: func(_ context.Context, p store.Principal, _ string) (string, string, error) {
			return p.UserID, "own", nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, repo := range []string{home, "file://" + home, "ssh://git@example.com/a", "git@example.com:a", "http://localhost/a"} {
		var bad *CheckError
		if _, err := s.parse(t.Context(), guest, repo); !errors.As(err, &bad) {
			t.Errorf("%s: %v", repo, err)
		}
		if _, err := s.parse(t.Context(), owner, repo); err != nil {
			t.Errorf("%s by who owns the machine: %v", repo, err)
		}
	}
	const repo = "https://example.com/a"
	knows := map[store.Principal]string{}
	mirrors := map[string]bool{}
	for _, p := range []store.Principal{owner, guest} {
		r, err := s.parse(t.Context(), p, repo)
		if err != nil {
			t.Fatal(err)
		}
		mirrors[s.mirror(r)] = true
		out, err := s.command(t.Context(), r, "config", "--list").Output()
		if err != nil {
			t.Fatal(err)
		}
		knows[p] = string(out)
		if !strings.Contains(knows[p], "credential.https://example.com.helper=!f()") {
			t.Errorf("%s has no login: %s", p.UserID, out)
		}
	}
	if len(mirrors) != 2 {
		t.Errorf("one mirror for both: %v", mirrors)
	}
	if strings.Contains(knows[guest], "the-owners") || !strings.Contains(knows[owner], "the-owners") {
		t.Errorf("the guest's git knows %s\nthe owner's %s", knows[guest], knows[owner])
	}
}
