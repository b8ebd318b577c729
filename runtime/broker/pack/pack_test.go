package pack

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/worlds"
)

func packed(t testing.TB, tree Tree) ([]byte, Sum) {
	t.Helper()
	var b bytes.Buffer
	sum, err := tree.Write(t.Context(), &b, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), sum
}

func unpacked(t testing.TB, pack []byte, want string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := (Place{dir}).Unpack(bytes.NewReader(pack), want, Limits{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What git ignores in the workspaces of package worlds.
func ignored(kind string) func(string) bool {
	return func(p string) bool {
		switch {
		case kind == "plain" || kind == "empty":
			return false
		case strings.HasPrefix(p, "in/ner/"):
			return p == "in/ner/own"
		case p == "build" || p == "gone.ignored" || p == "broken/b.ignored" || p == "all/left/a.ignored":
			return true
		}
		return false
	}
}

func TestWorkspaceComesBackIdentical(t *testing.T) {
	for i, kind := range worlds.Kinds {
		t.Run(kind, func(t *testing.T) {
			for seed := range uint64(2) {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				dir := t.TempDir()
				worlds.Make(t, dir, kind, r)
				want, status := worlds.Print(t, dir, ignored(kind)), worlds.Status(t, dir)
				b, sum := packed(t, Tree{Dir: dir, Git: true})
				again, _ := packed(t, Tree{Dir: dir, Git: true})
				if !bytes.Equal(b, again) {
					t.Error("the same tree packs differently")
				}
				if kind != "nested" && len(sum.Notes) > 0 {
					t.Errorf("notes %q", sum.Notes)
				}
				got := unpacked(t, b, sum.Digest)
				if d := cmp.Diff(want, worlds.Print(t, got, nil)); d != "" {
					t.Fatalf("seed %d, another tree (-want +got):\n%s", seed, d)
				}
				if kind == "worktree" || kind == "submodule" {
					// Linked worktrees name each other by absolute paths.
					os.Rename(dir, dir+".old")
					os.Rename(got, dir)
					got = dir
				}
				if d := cmp.Diff(status, worlds.Status(t, got)); d != "" {
					t.Fatalf("seed %d, git says something else (-want +got):\n%s", seed, d)
				}
			}
		})
	}
}

// An archive keeps volumes as they are, with what git ignores.
func TestVolumesComeBackIdentical(t *testing.T) {
	for i, kind := range worlds.Kinds {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			worlds.Make(t, dir, kind, rand.New(rand.NewPCG(1, 100+uint64(i))))
			b, sum := packed(t, Volume(dir))
			if d := cmp.Diff(worlds.Print(t, dir, nil), worlds.Print(t, unpacked(t, b, sum.Digest), nil)); d != "" {
				t.Fatalf("another tree (-want +got):\n%s", d)
			}
		})
	}
}

func TestVolumeComesBackWhole(t *testing.T) {
	dir := t.TempDir()
	worlds.Make(t, dir, "nested", rand.New(rand.NewPCG(1, 1)))
	worlds.Sh(t, dir, "mkdir ro && echo x > ro/x && chmod 555 ro && mkdir wo && chmod 300 wo && echo s > s && chmod 000 s && touch .git/index.lock")
	defer os.Chmod(filepath.Join(dir, "ro"), 0o755)
	b, _ := packed(t, Volume(dir))
	got := unpacked(t, b, "")
	defer os.Chmod(filepath.Join(got, "ro"), 0o755)
	for _, p := range []string{dir, got} {
		info, err := os.Lstat(p + "/s")
		if err != nil || info.Mode() != 0 {
			t.Errorf("%s: %v %v, want mode 0", p, info.Mode(), err)
		}
		os.Chmod(p+"/s", 0o400)
		info, err = os.Lstat(p + "/wo")
		if err != nil || info.Mode().Perm() != 0o300 {
			t.Errorf("%s: %v %v, want mode 300", p, info.Mode(), err)
		}
		os.Chmod(p+"/wo", 0o700)
	}
	if d := cmp.Diff(worlds.Print(t, dir, nil), worlds.Print(t, got, nil)); d != "" {
		t.Errorf("another tree (-want +got):\n%s", d)
	}
}

// As a snapshot, without what git ignores, and as an archive keeps it.
func TestFiftyThousandFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("layer not run: 50,000 files (-short)")
	}
	dir := t.TempDir()
	worlds.Many(t, dir, 50_000)
	worlds.Sh(t, dir, "echo out/ > .git/info/exclude; mkdir out; echo o > out/o")
	whole := worlds.Print(t, dir, nil)
	want, status := worlds.Print(t, dir, func(p string) bool { return p == "out" }), worlds.Status(t, dir)
	for _, c := range []struct {
		tree Tree
		want []string
	}{{Tree{Dir: dir, Git: true}, want}, {Volume(dir), whole}} {
		b, sum := packed(t, c.tree)
		got := unpacked(t, b, sum.Digest)
		if !slices.Equal(c.want, worlds.Print(t, got, nil)) {
			t.Errorf("another tree (git: %t)", c.tree.Git)
		}
		if c.tree.Git && worlds.Status(t, got) != status { // else every byte of .git was compared
			t.Error("git says something else")
		}
		t.Logf("%d entries, %d MiB, packed %d MiB", sum.Entries, sum.Bytes>>20, len(b)>>20)
		os.RemoveAll(got)
	}
}

func TestWhatIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	worlds.Sh(t, dir, `git init -q; printf '.env\nsecret/\nlogs/\n*.key\n' > .gitignore; echo v > .env; mkdir -p secret/a logs; echo 1 > secret/a/one; echo 2 > secret/two; echo l > logs/l; echo k > my.key
git add -f my.key; touch .git/index.lock .git/refs/heads/x.lock yarn.lock; mkdir -p .volundr-prepare; echo p > .volundr-prepare/p; mkfifo pipe`)
	b, sum := packed(t, Tree{Dir: dir, Git: true, Include: []string{".env", "secret/a", "/nowhere", "../out"}, Without: []string{Staging}})
	got := unpacked(t, b, "")
	have := worlds.Sh(t, got, "find . -path ./.git -prune -o -type f -print | sort; ls .git/*.lock .git/refs/heads 2>/dev/null || true")
	if want := "./.env\n./.gitignore\n./my.key\n./secret/a/one\n./yarn.lock\n.git/refs/heads:\n"; have != want {
		t.Errorf("packed %q, want %q", have, want)
	}
	if len(sum.Notes) != 1 || !strings.Contains(sum.Notes[0], "pipe") {
		t.Errorf("notes %q, want the pipe", sum.Notes)
	}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	worlds.Sh(t, dir, "head -c 3000000 /dev/zero > a; touch b c d")
	b, sum := packed(t, Tree{Dir: dir})
	for _, l := range []Limits{{Entries: sum.Entries - 1}, {Bytes: 2 << 20}} {
		if _, err := (Tree{Dir: dir}).Write(t.Context(), &bytes.Buffer{}, l); !errors.Is(err, ErrTooLarge) {
			t.Errorf("packing with %+v: %v", l, err)
		}
		to := t.TempDir()
		if _, err := (Place{to}).Unpack(bytes.NewReader(b), "", l); !errors.Is(err, ErrTooLarge) {
			t.Errorf("unpacking with %+v: %v", l, err)
		}
		if list, _ := os.ReadDir(to); len(list) > 0 {
			t.Errorf("a failure left %v", list)
		}
	}
}

func TestPlaceIsNeverOverwritten(t *testing.T) {
	dir := t.TempDir()
	worlds.Sh(t, dir, "mkdir d && echo x > d/f && chmod 555 d")
	defer os.Chmod(dir+"/d", 0o755)
	b, sum := packed(t, Tree{Dir: dir})
	to := t.TempDir()
	t.Cleanup(func() { os.Chmod(to+"/d", 0o755) })
	// What kill -9 leaves is taken away, be it read-only.
	worlds.Sh(t, to, "mkdir -p .volundr-prepare/tree/d && touch .volundr-prepare/tree/d/x && chmod 555 .volundr-prepare/tree/d")
	for what, b := range map[string][]byte{"another digest": b, "half of it": b[:len(b)/2]} {
		if _, err := (Place{to}).Unpack(bytes.NewReader(b), strings.Repeat("0", 64), Limits{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
		if list, _ := os.ReadDir(to); len(list) > 0 {
			t.Fatalf("%s: a failure left %v", what, list)
		}
	}
	if _, err := (Place{to}).Unpack(bytes.NewReader(b), sum.Digest, Limits{}); err != nil {
		t.Fatal(err)
	}
	if _, err := (Place{to}).Unpack(bytes.NewReader(b), sum.Digest, Limits{}); !errors.Is(err, ErrTaken) {
		t.Errorf("again: %v", err)
	}
}

// A pack that was damaged on its way is never taken for whole.
func TestEveryTruncationIsSeen(t *testing.T) {
	dir := t.TempDir()
	worlds.Files(t, dir, rand.New(rand.NewPCG(3, 3)), 10)
	b, _ := packed(t, Tree{Dir: dir})
	for n := range len(b) {
		if _, err := Read(bytes.NewReader(b[:n]), Limits{}, func(Entry, io.Reader) error { return nil }); err == nil {
			t.Fatalf("%d of %d bytes are a pack", n, len(b))
		}
	}
}

func TestBefore(t *testing.T) {
	order := []string{".", "-", "a", "a/b", "a/b/c", "a/b-", "a-", "a-/b", "b"}
	for i, a := range order {
		for j, b := range order {
			if Before(a, b) != (i < j) {
				t.Errorf("Before(%q, %q) = %v", a, b, i >= j)
			}
		}
	}
}

func FuzzUnpack(f *testing.F) {
	add := func(entries ...hostile) { f.Add(forge(f, entries...)) }
	add(hostile{name: "../out"})
	add(hostile{name: "/out"})
	add(hostile{name: "a/../../out"})
	add(hostile{name: "l", typ: '2', link: ".."}, hostile{name: "l/out"})
	add(hostile{name: "l", typ: '2', link: "/tmp"}, hostile{name: "l/", typ: '5'}, hostile{name: "l/out"})
	add(hostile{name: "d/", typ: '5'}, hostile{name: "d/x"}, hostile{name: "h", typ: '1', link: "d/x"})
	add(hostile{name: "dev", typ: '3'})
	add(hostile{name: "./", typ: '5'}, hostile{name: "a"}, hostile{name: "a"})
	dir := f.TempDir()
	worlds.Files(f, dir, rand.New(rand.NewPCG(4, 4)), 20)
	whole, _ := packed(f, Tree{Dir: dir})
	f.Add(whole)
	f.Fuzz(func(t *testing.T, b []byte) {
		outer := t.TempDir()
		inner := filepath.Join(outer, "in")
		os.Mkdir(inner, 0o755)
		for _, in := range [][]byte{b, compress(t, b)} {
			_, err := (Place{inner}).Unpack(bytes.NewReader(in), "", Limits{Entries: 1000, Bytes: 1 << 20})
			if err != nil {
				if list, _ := os.ReadDir(inner); len(list) > 0 {
					t.Errorf("a failure left %v", list)
				}
			}
			Clear(inner)
			os.Mkdir(inner, 0o755)
		}
		if list, err := os.ReadDir(outer); err != nil || len(list) != 1 {
			t.Errorf("outside stands %v %v", list, err)
		}
	})
}

func TestHostilePacks(t *testing.T) {
	for name, entries := range map[string][]hostile{
		"a way up":             {{name: "../out"}},
		"an absolute name":     {{name: "/out"}},
		"a way up in between":  {{name: "a/../../out"}},
		"a file in a link":     {{name: "l", typ: '2', link: ".."}, {name: "l/out"}},
		"a folder for a link":  {{name: "l", typ: '2', link: "/tmp"}, {name: "l/", typ: '5'}, {name: "l/out"}},
		"a hard link":          {{name: "a"}, {name: "h", typ: '1', link: "a"}},
		"a device":             {{name: "dev", typ: '3'}},
		"a pipe":               {{name: "pipe", typ: '6'}},
		"a name twice":         {{name: "a"}, {name: "a"}},
		"a file for a folder":  {{name: "a"}, {name: "a/b"}},
		"a missing folder":     {{name: "a/b"}},
		"the wrong order":      {{name: "b"}, {name: "a"}},
		"a link to nothing":    {{name: "a", typ: '2'}},
		"too deep":             deep(maxDepth + 2),
		"the top as something": {{name: ".", typ: '2', link: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			to := t.TempDir()
			_, err := (Place{to}).Unpack(bytes.NewReader(compress(t, forge(t, entries...))), "", Limits{})
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v", err)
			}
			if list, _ := os.ReadDir(to); len(list) > 0 {
				t.Errorf("left %v", list)
			}
		})
	}
}

func deep(n int) (list []hostile) {
	for i := range n {
		list = append(list, hostile{name: strings.Repeat("d/", i+1), typ: '5'})
	}
	return list
}
