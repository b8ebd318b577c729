package watch

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestGit(t *testing.T) {
	const branches = "; git checkout -qb side; echo s > s; git add s; git commit -qm side; git checkout -q main"
	for _, c := range []struct {
		name, before, script string
		want                 []string // without files
	}{
		{"first commit", "git init -q -b main; echo 1 > a", "git add .; git commit -qm 'one: two'", []string{"git commit on main says one: two by Ada files a +1 -0"}},
		{"amended", repository, "git commit -q --amend -m new", []string{"git commit on main says new by Ada files .gitignore,a,d/b +6 -0"}},
		{"two on two branches", repository, "git commit -q --allow-empty -m two; git checkout -qb b; git commit -q --allow-empty -m three; git checkout -q main",
			[]string{"git commit on main says two by Ada", "git branch on b from main", "git checkout on b from main", "git commit on b says three by Ada", "git checkout on main from b"}},
		{"by another, in the past", repository, "GIT_COMMITTER_DATE='2001-01-01T00:00:00Z' git commit -q --allow-empty --author='Bob <b@x>' -m old", []string{"git commit on main says old by Bob"}},
		{"a branch", repository, "git branch feature/x", []string{"git branch on feature/x from main"}},
		{"a branch made and checked out", repository + branches, "git checkout -q side; git checkout -qb b; git checkout -qb c main", []string{"git checkout on side from main",
			"git branch on b from side", "git checkout on b from side", "git branch on c from main", "git checkout on c from b"}},
		{"a branch of HEAD", repository + branches, "git branch x HEAD", []string{"git branch on x from main"}},
		{"renamed", repository, "git branch -m main trunk", []string{"git branch on trunk from main"}},
		{"a merge", repository + branches + "; git commit -q --allow-empty -m m", "git merge -q --no-edit side", []string{"git merge on main from side says Merge branch 'side'"}},
		{"forward", repository + branches, "git merge -q side", []string{"git merge on main from side says side"}},
		{"a rebase", repository + branches + "; git commit -q --allow-empty -m m; git checkout -q side", "git rebase -q main", []string{"git rebase on side says side"}},
		{"a reset", repository + "; git commit -q --allow-empty -m two", "git reset -q --hard HEAD~1", []string{"git reset on main from HEAD~1 says one"}},
		{"a cherry", repository + branches, "git cherry-pick side >/dev/null", []string{"git commit on main says side by Ada files s +1 -0"}},
		{"a push", repository + "; git init -q --bare ../up; git remote add origin ../up", "git push -q origin main:main", []string{"git push on main to origin says one with 1"}},
		{"a push to another branch", repository + "; git init -q --bare ../up; git remote add origin ../up; git push -q origin main", "git commit -q --allow-empty -m two; git push -q origin main:x/y",
			[]string{"git commit on main says two by Ada", "git push on x/y to origin says two with 1"}},
		{"a push of several", repository + "; git init -q --bare ../up; git remote add origin ../up; git push -q origin main; git commit -q --allow-empty -m two; git commit -q --allow-empty -m three", "git push -q origin main",
			[]string{"git push on main to origin says three with 2"}},
		{"pushes of what is new at once", repository + "; git init -q --bare ../up; git remote add origin ../up; git push -q origin main; git commit -q --allow-empty -m two", "git push -q origin main:x; git push -q origin main:y",
			[]string{"git push on x to origin says two with 1", "git push on y to origin says two with 0"}},
		{"a forced push", repository + branches + "; git init -q --bare ../up; git remote add origin ../up; git push -q origin side:it; git commit -q --allow-empty -m m; git commit -q --allow-empty -m n", "git push -q -f origin main:it",
			[]string{"git push on it to origin says n with 2"}},
		{"a push of less", repository + "; git init -q --bare ../up; git remote add origin ../up; git commit -q --allow-empty -m two; git push -q origin main", "git push -q -f origin main~1:main",
			[]string{"git push on main to origin says one with 0"}},
		{"a fetch is none", repository + "; git clone -q . ../up; git -C ../up commit -q --allow-empty -m up; git remote add origin ../up", "git fetch -q", nil},
		{"a stash is none", repository, "echo 5 >> a; git stash -q; git stash pop -q", nil},
		{"detached", repository, "git checkout -q --detach; git commit -q --allow-empty -m lost", []string{"git commit says lost by Ada"}},
		{"a signature is not looked at", repository + "; git config gpg.program ../evil; git config log.showSignature true; printf '#!/bin/sh\\ntouch ../ran' > ../evil; chmod +x ../evil", "git commit -q --allow-empty -m x; test ! -e ../ran", []string{"git commit on main says x by Ada"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSpace(t)
			s.sh(c.before)
			s.start()
			s.sh(c.script)
			var git []Event
			for range 3 {
				for _, e := range s.settle() {
					if e.Git != nil {
						git = append(git, e)
					}
				}
			}
			got := short(git)
			if len(got) > 0 && c.name == "detached" {
				got = got[1:] // names a hash
			}
			if len(got) != len(c.want) {
				t.Fatalf("told %q, want %q", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("told %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}

func TestReflogThatIsWrittenAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "HEAD")
	write := func(s string) {
		t.Helper()
		os.Remove(path)
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a\nb\n")
	_, m, _ := tail(path, mark{})
	write("b\nc\nhalf")
	lines, m, _ := tail(path, m)
	if len(lines) != 1 || lines[0] != "c" {
		t.Errorf("%q", lines)
	}
	write("x\ny\n")
	if lines, _, _ = tail(path, m); len(lines) != 0 {
		t.Errorf("unknown lines are told: %q", lines)
	}
	os.Remove(path)
	os.Symlink("/etc/passwd", path)
	if _, _, ok := tail(path, mark{}); ok {
		t.Error("a link was followed")
	}
}

func FuzzOutside(f *testing.F) {
	f.Add([]byte("0000000000000000000000000000000000000000 a94a8fe5ccb19ba61c4c0873d391e987982fbbd3 Ada <a@x> 1700000000 +0000\tcommit: x"))
	f.Add([]byte(`{"t":1700000000000000,"us":5,"rc":1,"dir":"/w","cmd":"ls"}`))
	f.Add([]byte(":100644 100644 a b M\x00x\x001\t2\tx\x00"))
	f.Add([]byte(`{"files":{"changes":[{"path":"x"}]},"turn":"t"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, ok := parseMove(string(b)); ok {
			m.log = "HEAD"
			m.event()
		}
		if c, ok := parseCommand(b, time.Unix(1800000000, 0)); ok && (c.Command == "" || len(c.Command) > maxCommand || c.EndedAt < c.StartedAt || c.Exit < 0 || c.Exit > 255) {
			t.Errorf("%+v", c)
		}
		parseDiff(b)
		if _, typ, data, err := Parse(b); err == nil && (typ == "") != (data == nil) {
			t.Errorf("%s %v", typ, data)
		}
	})
}
