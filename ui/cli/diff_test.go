package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A repository that cannot be looked into does not hide the others.
func TestTheDiffOfSeveralRepositoriesTellsOfEach(t *testing.T) {
	const id, slow = "6f0e1a52-9a52-4c0e-8a6e-0d3f5a6b7c8d", "git refused: it took too long"
	const session = `{"id":"` + id + `","name":"work","status":"running","source":{"type":"git"}}`
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "/repositories"):
			io.WriteString(w, `[{"repo":"app","repo_url":"https://x/app"},{"repo":"lib","repo_url":"https://x/lib"}]`)
		case strings.HasSuffix(path, "/changes") && r.URL.Query().Get("repo") == "app":
			w.WriteHeader(http.StatusConflict)
			io.WriteString(w, `{"detail":"`+slow+`"}`)
		case strings.HasSuffix(path, "/changes"):
			io.WriteString(w, `{"repo":"lib","base":"session","files":[{"path":"new.go","status":"added","ins":1}]}`)
		case strings.HasSuffix(path, "/sessions"):
			io.WriteString(w, "["+session+"]")
		default:
			io.WriteString(w, session)
		}
	}))
	defer daemon.Close()
	var out, said bytes.Buffer
	_, root := tree(Daemon{})
	root.SetOut(&out)
	root.SetErr(&said)
	root.SetArgs([]string{"--data-dir", t.TempDir(), "--server", daemon.URL, "--token", "t", "sessions", "diff", "work", "--stat"})
	if err := root.ExecuteContext(t.Context()); err == nil {
		t.Error("nothing is told to who asks for the exit code")
	}
	if !strings.Contains(said.String(), "app: "+slow) || !strings.Contains(out.String(), "lib:\n") || !strings.Contains(out.String(), "new.go") {
		t.Errorf("%s\n%s", &out, &said)
	}
}
