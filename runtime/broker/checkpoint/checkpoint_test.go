package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
	"volundr/runtime/broker/worlds"
)

func places(t testing.TB) Places {
	dir := t.TempDir()
	at := Places{pack.Places{Workspace: dir + "/workspace", Home: dir + "/home"}, dir + "/home/.volundr/checkpoints"}
	for _, d := range []string{at.Workspace, at.Home} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

func take(t testing.TB, at Places, prompt string) string {
	t.Helper()
	c, err := at.Take(t.Context(), prompt, pack.Resume{})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// What people and git see, but for what git ignores and objects that nothing names.
func seen(t testing.TB, at Places) []string {
	lines := worlds.Print(t, at.Workspace, func(p string) bool {
		return p == "build" || p == "gone.ignored" || p == "in/ner/own" || strings.HasSuffix(p, ".ignored") && !strings.HasPrefix(p, "kept") || object(p)
	})
	status := worlds.Status(t, at.Workspace)
	var keep []string
	for line := range strings.Lines(status) {
		if !strings.HasPrefix(line, "dangling") && !strings.HasPrefix(line, "unreachable") {
			keep = append(keep, line)
		}
	}
	return append(lines, keep...)
}

func object(p string) bool {
	_, ok := objects(p)
	return ok
}

func TestObjects(t *testing.T) {
	for p, want := range map[string]string{
		".git/objects": ".git", ".git/objects/ab/cd": ".git", "a/b/.git/objects/pack": "a/b/.git",
		".git/modules/vendor/sub/objects/ab": ".git/modules/vendor/sub",
		".git/refs/heads/objects/x":          "", ".git/logs/objects/x": "", "objects/x": "", ".git/HEAD": "", ".gitobjects/objects/x": "",
	} {
		if got, ok := objects(p); got != want && ok {
			t.Errorf("objects(%q) = %q, want %q", p, got, want)
		} else if ok != (want != "") {
			t.Errorf("objects(%q) = %v", p, ok)
		}
	}
}

// Things that an agent does to a workspace.
var deeds = map[string]string{
	"edits":     `for f in $(git ls-files | head -20); do echo changed >> "./$f" 2>/dev/null || true; done; echo x > brand-new`,
	"commits":   `git add -A; git commit -q -m agent || true; git checkout -q -b other; echo o > o; git add o; git commit -q -m o; git branch -q -D main || true`,
	"resets":    `git reset -q --hard || true; git clean -fdq; git stash drop -q || true; git rebase --abort 2>/dev/null || true`,
	"removes":   `find . -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +`,
	"wipes":     `find . -mindepth 1 -maxdepth 1 -exec rm -rf {} +`,
	"begins":    `rm -rf .git; git init -q -b fresh; git add -A 2>/dev/null || true; git commit -q -m fresh`,
	"transmute": `for f in *; do if test -d "./$f" -a ! -L "./$f"; then rm -rf "./$f"; echo file > "./$f"; else rm -f "./$f"; mkdir "./$f"; echo in > "./$f/in"; fi; done`,
	"modes":     `find . -path ./.git -prune -o -type f -exec chmod 700 {} +; find . -path ./.git -prune -o -type d -exec touch {} +; mkdir ro; echo x > ro/x; chmod 555 ro`,
	"gc":        `git stash -q -u || true; git reflog expire --expire=now --all; git gc -q --prune=now || true`,
}

func TestBackGivesAnIdenticalTree(t *testing.T) {
	for i, kind := range worlds.Kinds {
		t.Run(kind, func(t *testing.T) {
			at := places(t)
			worlds.Make(t, at.Workspace, kind, rand.New(rand.NewPCG(uint64(i), 7)))
			want := seen(t, at)
			first := take(t, at, "p1")
			for n, deed := range slices.Sorted(maps.Keys(deeds)) {
				script := deeds[deed]
				if (n+i)%2 == 0 { // each does half of them, and each is done
					continue
				}
				if _, err := os.Stat(at.Workspace + "/.git"); err != nil && strings.Contains(script, "git") {
					continue
				}
				worlds.Sh(t, at.Workspace, "set +e; "+script+"; true")
				after := seen(t, at)
				id := take(t, at, "after "+deed)
				goBack(t, at, first, want, deed)
				goBack(t, at, id, after, "forth to "+deed)
				goBack(t, at, first, want, "and back from "+deed)
			}
		})
	}
}

func goBack(t *testing.T, at Places, id string, want []string, what string) {
	t.Helper()
	r, err := at.Restore(t.Context(), id, pack.Resume{})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if r.Undo.ID == "" || r.Rewound.Checkpoint != id {
		t.Errorf("%s: restored %+v", what, r)
	}
	if d := cmp.Diff(want, seen(t, at)); d != "" {
		t.Fatalf("%s gives another tree (-want +got):\n%.6000s", what, d)
	}
}

func TestPackOfACheckpoint(t *testing.T) {
	at := places(t)
	worlds.Make(t, at.Workspace, "nested", rand.New(rand.NewPCG(9, 9)))
	worlds.Sh(t, at.Workspace, "mkdir -p build/a; echo env > .env.ignored; echo b > build/a/b; echo c > build/c")
	id := take(t, at, "p")
	tree := at.workspace()
	tree.Include = []string{".env.ignored", "build/a"}
	var want bytes.Buffer
	sum, err := tree.Write(t.Context(), &want, pack.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	worlds.Sh(t, at.Workspace, deeds["removes"]+"; rm -rf .git; mkdir -p build/a; echo env > .env.ignored; echo b > build/a/b; echo new > new")
	var got bytes.Buffer
	if _, err = at.Pack(t.Context(), &got, id, wire.PackWorkspace, tree.Include); err != nil {
		t.Fatal(err)
	}
	names := func(b []byte) (list []string) {
		dir := t.TempDir()
		if _, err := pack.Unpack(bytes.NewReader(b), dir, "", pack.Limits{}); err != nil {
			t.Fatal(err)
		}
		return worlds.Print(t, dir, func(p string) bool { return strings.HasPrefix(p, "build") || p == ".env.ignored" })
	}
	if d := cmp.Diff(names(want.Bytes()), names(got.Bytes())); d != "" {
		t.Errorf("the pack holds another tree (-want +got):\n%s", d)
	}
	entries := 0
	pack.Read(bytes.NewReader(got.Bytes()), pack.Limits{}, func(e pack.Entry, _ io.Reader) error { entries++; return nil })
	if entries != sum.Entries {
		t.Errorf("%d entries, want %d", entries, sum.Entries)
	}
}

func TestLoss(t *testing.T) {
	at := places(t)
	worlds.Sh(t, at.Workspace, `git init -q -b main; printf 'a\nb\nc\n' > text; printf 'x\0' > bin; echo moved > old; echo gone > gone; mkdir e; echo '*.o' > .gitignore; git add -A; git commit -q -m one`)
	id := take(t, at, "p")
	worlds.Sh(t, at.Workspace, `printf 'a\nB\nc\nd\n' > text; printf 'y\0' > bin; mv old new; rm gone; echo add > add; touch .gitignore; echo o > x.o; git commit -q -am two`)
	got, err := at.Loss(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	want := wire.Files{Changes: []wire.FileChange{
		{Path: ".git/refs/heads/main", Action: "modified", Ins: 1, Del: 1},
		{Path: "add", Action: "deleted", Del: 1},
		{Path: "bin", Action: "modified", Binary: true},
		{Path: "gone", Action: "created", Ins: 1},
		{Path: "old", Action: "renamed", From: "new"},
		{Path: "text", Action: "modified", Ins: 1, Del: 2},
	}}
	slices.SortFunc(got.Changes, func(a, b wire.FileChange) int { return strings.Compare(a.Path, b.Path) })
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("loss (-want +got):\n%s", d)
	}
	if _, err := at.Loss(t.Context(), "0000000000000000000"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown one: %v", err)
	}
}

func TestConversationGoesBackAndForth(t *testing.T) {
	at := places(t)
	talk := pack.Resume{Agent: "claude", Session: "s1"}
	file := filepath.Join(at.Home, ".claude/projects/-workspace/s1.jsonl")
	os.MkdirAll(filepath.Dir(file), 0o700)
	write := func(s string) { os.WriteFile(file, []byte(s), 0o600) }
	read := func() string { b, _ := os.ReadFile(file); return string(b) }
	mark := func(prompt string) string {
		c, err := at.Take(t.Context(), prompt, talk)
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	restore := func(id, session, want string) Restored {
		t.Helper()
		r, err := at.Restore(t.Context(), id, talk)
		if err != nil {
			t.Fatal(err)
		}
		if r.Resume.Session != session || read() != want {
			t.Fatalf("resumes %+v with %q, want %q", r.Resume, read(), want)
		}
		return r
	}
	none := mark("p0")
	write("1\n2\nhal")
	two := mark("p1")
	write("1\n2\n3\n")
	three := mark("p2")
	write("1\n2\n3\n4\n")
	r := restore(two, "s1", "1\n2\n")
	write("1\n2\nx\n")
	x := mark("p3")
	write("1\n2\nx\ny\n")
	restore(three, "s1", "1\n2\n3\n")
	restore(x, "s1", "1\n2\nx\n")
	restore(two, "s1", "1\n2\n")
	restore(r.Undo.ID, "s1", "1\n2\n3\n4\n")
	restore(none, "", "1\n2\n3\n4\n")
	var b bytes.Buffer
	if _, err := at.Pack(t.Context(), &b, x, wire.PackContext, nil); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if r, err := pack.UnpackContext(&b, home, "", pack.Limits{}); err != nil || r != talk {
		t.Fatalf("%+v %v", r, err)
	}
	if got, _ := os.ReadFile(filepath.Join(home, ".claude/projects/-workspace/s1.jsonl")); string(got) != "1\n2\nx\n" {
		t.Errorf("the fork's conversation is %q", got)
	}
}

// A kill in the middle of going back is made good at the next start.
func TestFinish(t *testing.T) {
	at := places(t)
	worlds.Make(t, at.Workspace, "rebase", rand.New(rand.NewPCG(11, 11)))
	want := seen(t, at)
	id := take(t, at, "p")
	worlds.Sh(t, at.Workspace, deeds["transmute"])
	undo := take(t, at, "")
	at.save(intentFile, fmt.Appendf(nil, `{"Checkpoint":%q,"Undo":%q}`, id, undo))
	worlds.Sh(t, at.Workspace, "rm -rf .git/refs; mkdir .volundr-restore; echo x > .volundr-restore/0") // half way
	r, done, err := at.Finish(t.Context())
	if err != nil || !done || r.Rewound.Prompt != "p" {
		t.Fatalf("%+v %v %v", r, done, err)
	}
	if d := cmp.Diff(want, seen(t, at)); d != "" {
		t.Errorf("another tree (-want +got):\n%.3000s", d)
	}
	if _, done, err := at.Finish(t.Context()); done || err != nil {
		t.Errorf("again: %v %v", done, err)
	}
}

func TestDamagedContentsChangeNothing(t *testing.T) {
	at := places(t)
	worlds.Files(t, at.Workspace, rand.New(rand.NewPCG(12, 12)), 30)
	id := take(t, at, "p")
	b, _ := os.ReadFile(at.file(id + dataSuffix))
	for i := range b {
		b[i] ^= 0x55
	}
	worlds.Sh(t, at.Workspace, deeds["wipes"]+"; echo mine > mine")
	want := seen(t, at)
	take(t, at, "q")
	os.WriteFile(at.file(id+dataSuffix), b, 0o600)
	if _, err := at.Restore(t.Context(), id, pack.Resume{}); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("error %v", err)
	}
	if d := cmp.Diff(want, seen(t, at)); d != "" {
		t.Errorf("something was changed:\n%s", d)
	}
}

func TestLateCheckpointIsQuickerNextTime(t *testing.T) {
	at := places(t)
	for i := range 50 {
		os.WriteFile(fmt.Sprintf("%s/f%d", at.Workspace, i), fmt.Appendf(nil, "%d", i), 0o644)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := at.Take(ctx, "p", pack.Resume{}); err == nil {
		t.Error("a checkpoint without time")
	}
	if list, err := at.List(); err != nil || len(list) != 0 {
		t.Errorf("list %v %v", list, err)
	}
	if err := at.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := take(t, at, "q")
	if _, err := os.Stat(at.file(id + dataSuffix)); err == nil {
		t.Error("contents were recorded twice")
	}
	list, err := at.List()
	if err != nil || len(list) != 1 || list[0].Prompt != "q" || list[0].Files != 50 {
		t.Errorf("list %+v %v", list, err)
	}
}

func TestPruneKeepsWhatIsNeeded(t *testing.T) {
	at := places(t)
	os.WriteFile(at.Workspace+"/stays", []byte("stays"), 0o644)
	var ids []string
	for i := range keep + 60 {
		os.WriteFile(at.Workspace+"/turns", fmt.Append(nil, i), 0o644)
		ids = append(ids, take(t, at, fmt.Sprint(i)))
	}
	list, err := at.List()
	if err != nil || len(list) != keep || list[0].ID != ids[60] {
		t.Fatalf("%d checkpoints, the first %v: %v", len(list), list[0], err)
	}
	if _, err := os.Stat(at.file(ids[5] + dataSuffix)); err == nil {
		t.Error("the contents of a checkpoint that is gone stay")
	}
	if _, err := at.Restore(t.Context(), ids[5], pack.Resume{}); !errors.Is(err, ErrUnknown) {
		t.Errorf("back to one that is gone: %v", err)
	}
	os.Remove(at.Workspace + "/stays")
	if _, err := at.Restore(t.Context(), ids[70], pack.Resume{}); err != nil {
		t.Fatal(err)
	}
	if got := worlds.Sh(t, at.Workspace, "cat stays turns"); got != "stays70" {
		t.Errorf("the workspace holds %q", got)
	}
}

func TestIgnoredAndLargeFilesStay(t *testing.T) {
	at := places(t)
	worlds.Sh(t, at.Workspace, `git init -q; printf 'node_modules/\n' > .gitignore; mkdir node_modules; echo m > node_modules/m; echo a > a; mkdir d; echo x > d/x`)
	id := take(t, at, "p")
	worlds.Sh(t, at.Workspace, fmt.Sprintf("truncate -s %d big; echo n > node_modules/n; rm -rf d; echo file > d", largest+1))
	if _, err := at.Restore(t.Context(), id, pack.Resume{}); err != nil {
		t.Fatal(err)
	}
	if got := worlds.Sh(t, at.Workspace, "ls node_modules d; stat -c %s big"); got != fmt.Sprintf("d:\nx\n\nnode_modules:\nm\nn\n%d\n", largest+1) {
		t.Errorf("the workspace holds %q", got)
	}
}

func TestFiftyThousandFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("layer not run: 50,000 files (-short)")
	}
	at := places(t)
	worlds.Many(t, at.Workspace, 50_000)
	want := seen(t, at)
	began := time.Now()
	first := take(t, at, "first")
	t.Logf("the first checkpoint took %s", time.Since(began).Round(time.Millisecond))
	worlds.Sh(t, at.Workspace, "for i in 0 1 2 3; do echo x >> d$i/e3/f$((i*1000+150)).txt; done; rm -rf d5; mkdir -p d5/e; echo n > d5/e/n")
	began = time.Now()
	second, err := at.Take(t.Context(), "second", pack.Resume{})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	info, err := os.Stat(at.file(second.ID + ".tree"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the second took %s, its list %d KiB", took.Round(time.Millisecond), info.Size()>>10)
	began = time.Now()
	goBack(t, at, first, want, "fifty thousand files")
	t.Logf("back took %s", time.Since(began).Round(time.Millisecond))
}
