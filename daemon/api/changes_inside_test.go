package api

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/changes"
	"volundr/runtime/broker/wire"
	"volundr/ui/client"
)

// inside asks below the session's own address.
func (w *several) inside(path string, status int, into any) {
	w.t.Helper()
	code, _, body := w.ask("GET", "/s/"+w.s.ID+"/api/"+path, "", func(*http.Request) {})
	if code != status {
		w.t.Errorf("%s: %d %s, want %d", path, code, body, status)
	} else if err := json.Unmarshal([]byte(body), into); err != nil {
		w.t.Errorf("%s: %v: %s", path, err, body)
	}
}

// Below a session's own address its changes are told in the words that the
// contract's clients know, and each status is true.
func TestChangesBelowASessionsOwnAddress(t *testing.T) {
	w := newSeveral(t)
	w.put("app/gone.txt", "x\n")
	w.put("app/was.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")
	w.git("app", "add", "-A")
	w.git("app", "commit", "-qm", "More")
	w.put("app/README.md", "one\nTWO\nthree\n")
	w.put("app/new.txt", "a\nb\n")
	w.git("app", "rm", "-q", "gone.txt")
	if err := os.Rename(filepath.Join(w.dir, "app", "was.txt"), filepath.Join(w.dir, "app", "is.txt")); err != nil {
		t.Fatal(err)
	}
	w.put("app/is.txt", "1\n2\n3\n4\n5\n6\n7\n8\nnine\n")

	var list insideFiles
	w.inside("diff/files", 200, &list)
	if diff := cmp.Diff([]insideFile{{Path: "README.md", Status: "mod", Ins: 1, Del: 1}, {Path: "gone.txt", Status: "del", Del: 1},
		{Path: "is.txt", From: "was.txt", Status: "mod", Ins: 1, Del: 1}, {Path: "new.txt", Status: "new", Ins: 2}}, list.Files); diff != "" {
		t.Error(diff)
	}
	list = insideFiles{}
	w.inside("diff/files?base=default-branch", 200, &list)
	if diff := cmp.Diff([]insideFile{{Path: "README.md", Status: "mod", Ins: 1, Del: 1}, {Path: "is.txt", Status: "new", Ins: 9},
		{Path: "new.txt", Status: "new", Ins: 2}}, list.Files); diff != "" {
		t.Errorf("against the default branch: %s", diff)
	}
	w.put("lib/other.txt", "x")
	list = insideFiles{}
	w.inside("diff/files?repo=lib", 200, &list)
	if diff := cmp.Diff([]insideFile{{Path: "other.txt", Status: "new", Ins: 1}}, list.Files); diff != "" {
		t.Errorf("in another repository: %s", diff)
	}

	one, two, nine := 1, 2, 9
	var d client.FileDiff
	w.inside("diff?file=README.md", 200, &d)
	want := []client.DiffHunk{{OldStart: 1, OldCount: 3, NewStart: 1, NewCount: 3, Lines: []client.DiffLine{
		{Type: "context", Content: "one", OldLine: one, NewLine: one}, {Type: "remove", Content: "two", OldLine: two}, {Type: "add", Content: "TWO", NewLine: two},
		{Type: "context", Content: "three", OldLine: 3, NewLine: 3}}}}
	if diff := cmp.Diff(want, d.Hunks); diff != "" || d.FilePath != "README.md" {
		t.Errorf("%s: %s", d.FilePath, diff)
	}
	d = client.FileDiff{}
	w.inside("diff?file=is.txt", 200, &d)
	if n := len(d.Hunks); n != 1 || d.Hunks[0].Lines[len(d.Hunks[0].Lines)-1] != (client.DiffLine{Type: "add", Content: "nine", NewLine: nine}) {
		t.Errorf("a renamed file: %+v", d)
	}

	var told struct{ Detail string }
	w.inside("diff/files?base=nonsense", 400, &told)
	w.inside("diff?file=../x", 400, &told)
	w.inside("diff", 400, &told)

	for status, res := range map[int]wire.RunResult{504: {TimedOut: true}, 502: {Exit: 128, Stderr: []byte("fatal: bad object HEAD\n")}} {
		sv := serving(w.options)
		sv.changes = changes.New(func(context.Context, string, wire.Command) (wire.RunResult, error) { return res, nil })
		h := w.options.Auth.Guard(sv.router())
		w.handler.Store(&h)
		w.inside("diff/files?repo=app", status, &told)
		w.inside("diff?file=a&repo=app", status, &told)
	}
}
