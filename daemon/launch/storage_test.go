package launch

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
)

// owned makes a folder that does not belong to root, and says whose it is.
func owned(t *testing.T, dir string) (uid, gid int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		return os.Getuid(), os.Getgid()
	}
	if err := os.Chown(dir, 1234, 1235); err != nil {
		t.Fatal(err)
	}
	return 1234, 1235
}

func gitInit(t *testing.T, dir string) {
	t.Helper()
	if out, err := exec.Command("git", "init", "-q", "--template=", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

func live(dir string) Request {
	return Request{Agent: "claude", Source: Source{Type: "local_mount", LocalPath: dir}}
}

func TestLiveFolderIsTheWorkspaceAndItsOwnerTheUser(t *testing.T) {
	l, base := launcher(t)
	dir := filepath.Join(base, "app")
	uid, gid := owned(t, dir)
	gitInit(t, dir)
	s, err := spec(t, l, live(dir))
	if err != nil {
		t.Fatal(err)
	}
	want := []runtime.Mount{
		{Volume: "home", Path: "/home/volundr", UID: uid, GID: gid},
		{Host: dir, Path: "/workspace"},
		{Host: dir + "/.git", Path: "/workspace/.git"},
		{Host: dir + "/.git/hooks", Path: "/workspace/.git/hooks", ReadOnly: true},
		{Host: dir + "/.git/config", Path: "/workspace/.git/config", ReadOnly: true},
	}
	for _, name := range []string{"agent", "editor", "terminal"} {
		p := part(t, s, name)
		if diff := cmp.Diff(want, p.Mounts); diff != "" || p.UID != uid || p.GID != gid {
			t.Errorf("%s as %d:%d: %s", name, p.UID, p.GID, diff)
		}
	}
	if c := brokerConfig(t, s).Source; c.Remote != "" || c.Archive {
		t.Errorf("a live folder is filled from elsewhere: %+v", c)
	}
	r := live(dir)
	r.Source.WritableGit = true
	if s, err = spec(t, l, r); err != nil || len(part(t, s, "agent").Mounts) != 2 {
		t.Errorf("asked for writable git: %+v, %v", part(t, s, "agent").Mounts, err)
	}
}

func TestFoldersBesideTheWorkspace(t *testing.T) {
	l, base := launcher(t)
	a, b := filepath.Join(base, "a"), filepath.Join(base, "b")
	owned(t, a)
	uid, _ := owned(t, b)
	s, err := spec(t, l, Request{Agent: "claude", Source: Source{Type: "local_mount", Paths: []MountMapping{
		{HostPath: a, MountPath: "/mnt/a/", ReadOnly: true}, {HostPath: b, MountPath: "/workspace/b"}}}})
	if err != nil {
		t.Fatal(err)
	}
	got := part(t, s, "agent")
	want := []runtime.Mount{{Host: a, Path: "/mnt/a", ReadOnly: true}, {Host: b, Path: "/workspace/b"}}
	if diff := cmp.Diff(want, got.Mounts[2:]); diff != "" || got.UID != uid || got.Mounts[1].Volume != "workspace" {
		t.Errorf("as %d: %s", got.UID, diff)
	}
}

func TestCopyIsFetchedOnceFromTheFolder(t *testing.T) {
	l, base := launcher(t)
	dir := filepath.Join(base, "app")
	owned(t, dir)
	s, err := spec(t, l, Request{Agent: "claude", Source: Source{Type: "local_copy", LocalPath: dir}})
	if err != nil {
		t.Fatal(err)
	}
	if c := brokerConfig(t, s).Source; !c.Archive || c.Remote == "" || c.URL != dir {
		t.Errorf("%+v", c)
	}
	for _, m := range part(t, s, "agent").Mounts {
		if m.Host != "" {
			t.Errorf("the folder itself is mounted: %+v", m)
		}
	}
}

func TestFoldersThatAreRefused(t *testing.T) {
	l, base := launcher(t)
	at := func(name string, made func(dir string)) Request {
		dir := filepath.Join(base, name)
		owned(t, dir)
		made(dir)
		return live(dir)
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]Request{
		"is not below an allowed folder": live(os.TempDir()),
		"machine is never given":         live("/"),
		"The whole machine":              {Agent: "claude", Source: Source{Type: "local_copy", LocalPath: "/"}},
		"lies elsewhere": at("worktree", func(dir string) {
			do(os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: /elsewhere\n"), 0o644))
		}),
		".git/hooks of": at("hooks", func(dir string) {
			gitInit(t, dir)
			do(os.Symlink("/etc", filepath.Join(dir, ".git/hooks")))
		}),
		".git/config of": at("config", func(dir string) {
			gitInit(t, dir)
			do(os.Remove(filepath.Join(dir, ".git/config")))
			do(os.Symlink("/etc/shadow", filepath.Join(dir, ".git/config")))
		}),
		"submodule": at("link", func(dir string) { do(os.Symlink("/etc", filepath.Join(dir, ".git"))) }),
	}
	for want, r := range cases {
		_, err := spec(t, l, r)
		var field *FieldError
		if !errors.As(err, &field) || !strings.Contains(err.Error(), want) || !errors.Is(err, runtime.ErrInvalid) || field.Loc[1] != "source" {
			t.Errorf("%s: %v", want, err)
		}
	}
	if os.Getuid() == 0 {
		dir := filepath.Join(base, "roots")
		do(os.Mkdir(dir, 0o755))
		if err := l.Validate(live(dir)); err == nil || !strings.Contains(err.Error(), "belongs to root") || !strings.Contains(err.Error(), "chown") {
			t.Errorf("root's folder: %v", err)
		}
		readOnly := Request{Agent: "claude", Source: Source{Type: "local_mount", Paths: []MountMapping{{HostPath: dir, MountPath: "/mnt/a", ReadOnly: true}}}}
		do(l.Validate(readOnly))
	}
}
