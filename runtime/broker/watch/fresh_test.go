package watch

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const forty = repository + "; seq 40 > l; git add l; git commit -qm l"

// What is written under a new name and removed under the old one later is
// renamed, with the lines that lie between the two.
func TestRenameInTwoSteps(t *testing.T) {
	for _, c := range []struct {
		name        string
		first, told string
		second      string
		want        []string
		third, last string // and what is told of it
	}{
		{"as it was", "cp l o", "created o +40 -0", "rm l", []string{"renamed o +0 -0 from l"}, "", ""},
		{"with an edit", "(cat l; echo x) > o", "created o +41 -0", "rm l", []string{"renamed o +1 -0 from l"}, "", ""},
		{"with a later edit too", "(cat l; echo x) > o", "created o +41 -0", "rm l; sed -i 1d o", []string{"renamed o +1 -1 from l"}, "", ""},
		{"into a folder, by git", "mkdir p; cp l p/l", "created p/l +40 -0", "git rm -q l; git add p", []string{"renamed p/l +0 -0 from l"}, "", ""},
		{"a binary", "head -c 5000 /dev/urandom > z", "created z +0 -0 binary", "cp z y", []string{"created y +0 -0 binary"}, "rm z", "renamed y +0 -0 from z binary"},
		{"over one that was written", "echo other > o", "created o +1 -0", "mv l o", []string{"renamed o +0 -0 from l"}, "", ""},
		{"once for each", "cp l o", "created o +40 -0", "rm l; seq 90 95 > n", []string{"created n +6 -0", "renamed o +0 -0 from l"}, "rm a", "deleted a +0 -3"},
		{"another's content", "seq 100 140 > o", "created o +41 -0", "rm l", []string{"deleted l +0 -40"}, "", ""},
		{"an empty one", "touch o", "created o +0 -0", "touch e; git add e; rm l", []string{"created e +0 -0", "deleted l +0 -40"}, "rm e", "deleted e +0 -0"},
		{"gone itself", "cp l o", "created o +40 -0", "rm o", []string{"deleted o +0 -40"}, "rm l", "deleted l +0 -40"},
		{"renamed on", "cp l o", "created o +40 -0", "mv o q", []string{"renamed q +0 -0 from o"}, "rm l", "renamed q +0 -0 from l"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSpace(t)
			s.sh(forty)
			s.start()
			s.want(c.first, c.told)
			s.stop() // what was told is kept
			s.start()
			s.want(c.second, c.want...)
			if c.third != "" {
				s.want(c.third, c.last)
			}
			s.want("true")
		})
	}
}

// What is older than a moment is a copy, and its original's end is one.
func TestACopyIsNoRename(t *testing.T) {
	s := newSpace(t)
	s.sh(forty)
	s.start()
	s.want("cp l o", "created o +40 -0")
	s.stop()
	all, err := filepath.Glob(filepath.Join(s.o.Home, ".volundr", "watch", "trees", "*", toldFile))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	var was told
	b, err := os.ReadFile(all[0])
	if err != nil || json.Unmarshal(b, &was) != nil || len(was.Fresh) != 1 {
		t.Fatalf("%s: %v", b, err)
	}
	was.Fresh[0].At -= freshFor + 1
	b, _ = json.Marshal(was)
	if err := os.WriteFile(all[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.want("rm l", "deleted l +0 -40")
}

// A folder of 10,000 files that is copied, and removed afterwards, was moved.
func TestBurstInTwoSteps(t *testing.T) {
	const many = 10_000
	if testing.Short() {
		t.Skip("layer not run: 10,000 files (-short)")
	}
	s := newSpace(t)
	s.sh(`git init -q -b main; mkdir from; cd from
for d in $(seq 100); do mkdir d$d; for f in $(seq 100); do printf '%s\n' $d $f > d$d/f$f; done; done
git add .; git commit -qm many`)
	s.start()
	n := func(action, prefix string) (n int) {
		for _, e := range append(s.settle(), s.settle()...) {
			if e.Files == nil {
				continue
			}
			for _, c := range e.Files.Changes {
				if c.Action != action || !strings.HasPrefix(c.Path, prefix) || action == "renamed" && c.From != "from/"+strings.TrimPrefix(c.Path, prefix) {
					t.Fatalf("%+v", c)
				}
				n++
			}
		}
		return n
	}
	s.sh("cp -r from to")
	if got := n("created", "to/"); got != many {
		t.Fatalf("%d of %d files are told created", got, many)
	}
	began := time.Now()
	s.sh("rm -r from")
	if got := n("renamed", "to/"); got != many {
		t.Errorf("%d of %d files are told renamed", got, many)
	}
	t.Logf("renamed in %s", time.Since(began))
	s.want("echo 2 >> to/d1/f1", "modified to/d1/f1 +1 -0")
}
