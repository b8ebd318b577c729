package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// TestLocalFolders: a folder of the host that is worked in live, one that is
// copied with what is not committed in it, and one that belongs to root.
func TestLocalFolders(t *testing.T) {
	_, env := provider(t)
	p := prepare(t, t.TempDir(), env...)
	live, copied := ordinary(t, repository(t)), repository(t)
	p.configure("local_mounts:\n  enabled: true\n  allowed_prefixes: [" + filepath.Dir(filepath.Dir(live)) + ", /usr/share]\n")
	p.start()

	_, err := p.client().Create(t.Context(), client.SessionCreate{Name: "root", Source: &client.Source{Type: client.SourceMount, LocalPath: "/usr/share/doc"}})
	var e *client.Error
	if !errors.As(err, &e) || e.Status != 422 || !strings.Contains(e.Detail, "belongs to root") || !strings.Contains(e.Detail, "chown") {
		t.Errorf("a folder of root's: %v", err)
	}

	for name, text := range map[string]string{"README.md": "# Changed\n", "untracked.txt": "new\n", "staged.txt": "staged\n"} {
		if err := os.WriteFile(filepath.Join(copied, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, copied, "add", "staged.txt")
	liveFolder(t, p, live)
	copyOfFolder(t, p, copied)
}

// ordinary gives a folder to an ordinary user, if it is root's now.
func ordinary(t *testing.T, dir string) string {
	t.Helper()
	if os.Geteuid() == 0 {
		if out, err := exec.Command("chown", "-R", "4242:4242", dir).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	return dir
}

// liveFolder: what the agent writes is on the host, as its owner's; what the
// host's git would run cannot be written.
func liveFolder(t *testing.T, p *product, dir string) {
	config, err := os.ReadFile(filepath.Join(dir, ".git", "config"))
	if err != nil {
		t.Fatal(err)
	}
	s := p.create(client.SessionCreate{Name: "live", Mode: "acceptEdits", InitialPrompt: "write edited.txt",
		Source: &client.Source{Type: client.SourceMount, LocalPath: dir}})
	p.eventually(60*time.Second, "the agent's file on the host", func() bool {
		got, err := os.ReadFile(filepath.Join(dir, "edited.txt"))
		return err == nil && string(got) == model.Content
	})
	of := func(name string) uint32 {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	if of("edited.txt") != of("README.md") {
		t.Errorf("the agent's file belongs to %d, the folder's others to %d", of("edited.txt"), of("README.md"))
	}
	for what, script := range map[string]string{
		"a hook":            "echo id > /workspace/.git/hooks/post-checkout",
		"the configuration": "git -C /workspace config core.fsmonitor id",
		"its folder":        "mv /workspace/.git/hooks /workspace/.git/hooks-2 || mv /workspace/.git /workspace/.git-2",
	} {
		if out := p.inAgent(s.ID, "("+script+") 2>&1 && echo DONE || true"); strings.Contains(out, "DONE") {
			t.Errorf("in a live folder %s could be written: %s", what, out)
		}
	}
	p.inAgent(s.ID, "cd /workspace && git add edited.txt && git -c user.name=A -c user.email=a@example.com commit -qm Edited")
	if now, err := os.ReadFile(filepath.Join(dir, ".git", "config")); err != nil || string(now) != string(config) {
		t.Errorf("the repository's configuration is %q, %v", now, err)
	}
	if err := p.client().Delete(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "edited.txt")); err != nil {
		t.Errorf("with the session its owner's folder went: %v", err)
	}
}

// copyOfFolder: all of it is in the session, and nothing comes back by itself.
func copyOfFolder(t *testing.T, p *product, dir string) {
	before := git(t, dir, "status", "--porcelain")
	s := p.create(client.SessionCreate{Name: "copy", Source: &client.Source{Type: client.SourceCopy, LocalPath: dir}})
	status := p.inAgent(s.ID, "cd /workspace && git log --format=%s && git branch --show-current && cat README.md untracked.txt staged.txt && git status --porcelain | cut -c4- | sort")
	if want := "First\nmain\n# Changed\nnew\nstaged\nREADME.md\nstaged.txt\nuntracked.txt\n"; status != want {
		t.Errorf("in the copy:\n%s\nwant:\n%s", status, want)
	}
	p.inAgent(s.ID, "cd /workspace && echo more >> README.md && rm untracked.txt")
	if after := git(t, dir, "status", "--porcelain"); after != before {
		t.Errorf("the folder changed with its copy:\n%s\nwas:\n%s", after, before)
	}
}
