package watch

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A checkout that changes 10,000 files is told whole, whether the kernel's queue
// held it or not.
func TestBurst(t *testing.T) {
	const many = 10_000
	if testing.Short() {
		t.Skip("layer not run: 10,000 files (-short)")
	}
	s := newSpace(t)
	s.sh(`git init -q -b main; echo 1 > keep; git add .; git commit -qm one; git checkout -qb many
for d in $(seq 100); do mkdir d$d; for f in $(seq 100); do printf '%s\n' $d $f > d$d/f$f; done; done
git add .; git commit -qm many; git checkout -q main`)
	s.start()
	began := time.Now()
	s.sh("git checkout -q many")
	files, ins := map[string]bool{}, 0
	gather := func() {
		for _, e := range s.settle() {
			if e.Files == nil {
				continue
			}
			if e.Files.More > 0 {
				t.Errorf("%d changes are not listed", e.Files.More)
			}
			for _, c := range e.Files.Changes {
				if files[c.Path] || c.Action != "created" {
					t.Errorf("%+v again", c)
				}
				files[c.Path] = true
				ins += c.Ins
			}
		}
	}
	gather()
	gather()
	t.Logf("%d files in %s", many, time.Since(began))
	if len(files) != many || ins != 2*many {
		t.Errorf("%d files, %d lines", len(files), ins)
	}
	began = time.Now()
	s.sh("git checkout -q main")
	n := 0
	for _, e := range append(s.settle(), s.settle()...) {
		if e.Files != nil {
			n += len(e.Files.Changes)
		}
	}
	t.Logf("gone in %s", time.Since(began))
	if n != many {
		t.Errorf("%d of %d files are told gone", n, many)
	}
	s.want("echo 2 >> keep", "modified keep +1 -0")
}

// Where no more folders can be watched it is said once, and looked instead.
func TestLimit(t *testing.T) {
	s := newSpace(t)
	s.sh(repository)
	left := 2
	s.o.add = func(fd int, path string, mask uint32) (int, error) {
		if left--; left < 0 {
			return -1, unix.ENOSPC
		}
		return unix.InotifyAddWatch(fd, path, mask)
	}
	s.o.Poll = 50 * time.Millisecond
	s.start()
	if got := short(s.events); len(got) != 1 || !strings.Contains(got[0], "fs.inotify.max_user_watches") {
		t.Errorf("told %q", got)
	}
	s.events = nil
	s.sh("echo 1 > n; git add n; git commit -qm n; echo 2 > d/b")
	got := short(s.settle()) // of several looks, perhaps
	slices.Sort(got)
	if diff := cmp.Diff([]string{"created n +1 -0", "git commit on main says n by Ada files n +1 -0", "modified d/b +1 -1"}, got); diff != "" {
		t.Error(diff)
	}
	s.sh("echo 1 > d/m; git init -q new; echo 1 > new/f")
	s.await(func(e Event) bool { return e.Files != nil && e.Files.Changes[0].Path == "new/f" })
	s.stop()
	s.events = nil
	left = 0
	if got := short(s.start().events); len(got) > 0 {
		t.Errorf("told again: %q", got)
	}
}

// A folder that was made anew is watched, also while somebody holds the one
// before it open, whose end the kernel then does not tell.
func TestAFolderMadeAnew(t *testing.T) {
	s := newSpace(t)
	s.sh("mkdir d; echo 1 > d/a")
	s.start()
	held, err := os.Open(filepath.Join(s.o.Workspace, "d"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	s.sh("rm -r d; mkdir d; echo 1 > d/b")
	s.settle()
	s.sh("echo 1 > d/c")
	if got := short(s.settle()); fmt.Sprint(got) == "[]" {
		t.Error("what happens in the new folder is not told")
	}
}

// At rest a watcher costs nothing.
func TestRest(t *testing.T) {
	s := newSpace(t)
	s.sh(repository)
	s.start()
	s.settle()
	var a, b syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &a)
	select {
	case e := <-s.lines:
		t.Errorf("told %+v", e)
	case <-time.After(2 * time.Second):
	}
	syscall.Getrusage(syscall.RUSAGE_SELF, &b)
	used := time.Duration(b.Utime.Nano() + b.Stime.Nano() - a.Utime.Nano() - a.Stime.Nano())
	t.Logf("%s in 2 s", used)
	if used > 20*time.Millisecond {
		t.Errorf("used %s of 2 s", used)
	}
}

// Whatever is done to a tree: what was told adds up to what stands there.
func TestWhatIsToldAddsUp(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			s := newSpace(t)
			if seed%2 == 0 {
				s.sh("git init -q -b main; printf '*.log\\nskip/\\n' > .gitignore; git add .; git commit -qm one")
			}
			s.start()
			lines := map[string]int{}
			for path, n := range standing(t, s.o.Workspace, seed%2 == 0) {
				lines[path] = n
			}
			name := func() string {
				return []string{"a", "b", "d/a", "d/e/f", "d/g", "skip/x", "x.log", "e/a.log", "node_modules/p/q", "ü v", "d/e/h"}[r.IntN(11)]
			}
			for round := range 25 {
				for range 1 + r.IntN(6) {
					p, q := filepath.Join(s.o.Workspace, name()), filepath.Join(s.o.Workspace, name())
					switch r.IntN(6) {
					case 0, 1, 2:
						os.MkdirAll(filepath.Dir(p), 0o755)
						os.WriteFile(p, []byte(strings.Repeat(fmt.Sprintln(r.IntN(3)), 1+r.IntN(30))), 0o644)
					case 3:
						os.Remove(p)
					case 4:
						os.MkdirAll(filepath.Dir(q), 0o755)
						os.Rename(p, q)
					case 5:
						if dir := filepath.Dir(p); dir != s.o.Workspace && r.IntN(3) == 0 {
							os.RemoveAll(dir)
						}
					}
				}
				if seed%2 == 0 && r.IntN(4) == 0 {
					s.sh("git add -A; git commit -qm x --allow-empty")
				}
				if round%10 == 9 {
					s.stop()
					os.WriteFile(filepath.Join(s.o.Workspace, "meanwhile"), []byte(fmt.Sprintln(round)), 0o644)
					s.start()
				}
				for _, e := range append(s.events, s.settle()...) {
					if e.Files == nil {
						continue
					}
					for _, c := range e.Files.Changes {
						if c.From != "" {
							lines[c.Path] = lines[c.From]
							delete(lines, c.From)
						}
						if c.Action == "deleted" {
							if lines[c.Path] != c.Del {
								t.Errorf("%+v, but it had %d lines", c, lines[c.Path])
							}
							delete(lines, c.Path)
							continue
						}
						lines[c.Path] += c.Ins - c.Del
					}
				}
				s.events = nil
				want := standing(t, s.o.Workspace, seed%2 == 0)
				if fmt.Sprint(want) != fmt.Sprint(lines) {
					t.Fatalf("round %d: told\n%v\nthere is\n%v", round, lines, want)
				}
			}
		})
	}
}

// standing counts the lines of the files that are not ignored.
func standing(t *testing.T, dir string, repo bool) map[string]int {
	t.Helper()
	lines := map[string]int{}
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil || rel == ".git":
			return filepath.SkipDir
		case d.IsDir():
		case repo && (strings.HasSuffix(rel, ".log") || strings.HasPrefix(rel, "skip/")):
		case !repo && strings.HasPrefix(rel, "node_modules/"):
		default:
			b, _ := os.ReadFile(path)
			lines[rel] = strings.Count(string(b), "\n")
		}
		return nil
	})
	return lines
}
