package source

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestMirrorsThatNobodyUsesGo(t *testing.T) {
	b := newBench(t)
	remote := b.bare()
	_, url := b.session(origin{Type: Git, Repo: remote})
	b.clone(url)
	r, err := Parse(remote)
	if err != nil {
		t.Fatal(err)
	}
	month := 30 * 24 * time.Hour
	prune := func(want int) {
		t.Helper()
		if n, err := b.Prune(t.Context(), time.Now().Add(-month)); err != nil || n != want {
			t.Fatalf("%d removed, %v; want %d", n, err, want)
		}
	}
	prune(0)
	old := time.Now().Add(-month - time.Hour)
	if err := os.Chtimes(b.mirror(r), old, old); err != nil {
		t.Fatal(err)
	}
	b.clone(url) // a use, though the remote has nothing new
	prune(0)
	if err := os.Chtimes(b.mirror(r), old, old); err != nil {
		t.Fatal(err)
	}
	prune(1)
	if left, _ := filepath.Glob(filepath.Join(b.Dir, "*"+r.Key()+"*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	b.clone(url) // and it is made anew
	// What a kill left of a removal goes at the next start.
	if err := os.Rename(b.mirror(r), filepath.Join(b.Dir, gone+r.Key()+".git")); err != nil {
		t.Fatal(err)
	}
	if _, err := New(b.Options); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.Dir, gone+"*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
