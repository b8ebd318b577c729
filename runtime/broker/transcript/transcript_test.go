package transcript

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// said is a line as Claude Code writes it, with calls in it.
func said(t *testing.T, cwd string, calls ...string) string {
	t.Helper()
	content := []map[string]any{{"type": "text", "text": "I run it."}}
	for _, id := range calls {
		content = append(content, map[string]any{"type": "tool_use", "id": id, "name": "Bash", "input": map[string]any{"command": "ls"}})
	}
	b, err := json.Marshal(map[string]any{"type": "assistant", "cwd": cwd, "sessionId": "s", "message": map[string]any{"role": "assistant", "content": content}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func TestDirs(t *testing.T) {
	home := t.TempDir()
	at := filepath.Join(home, ".claude", "projects", "-workspace")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(at, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	result := `{"type":"user","cwd":"/elsewhere","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"t1"}]}}` + "\n"
	write("s.jsonl", said(t, "/workspace", "t1")+result+said(t, "/workspace/api", "t2", "t3")+"no JSON t4\n"+
		`{"cwd":"relative","message":{"content":[{"type":"tool_use","id":"t4"}]}}`+"\n"+
		strings.Repeat("x t5", maxLine)+"\n"+said(t, "/tmp", "t6")+`{"cwd":"/half","message":{"content":[{"type":"tool_use","id":"t7"`)
	write("s/subagents/agent-1.jsonl", said(t, "/workspace/ui", "t8"))
	write("other.jsonl", said(t, "/workspace", "t9"))
	write("long.jsonl", said(t, "/early", "t1")+strings.Repeat(strings.Repeat("y", 1000)+"\n", maxTail/1000)+said(t, "/late", "t2"))

	want := map[string]string{"t1": "/workspace", "t2": "/workspace/api", "t6": "/tmp", "t8": "/workspace/ui"}
	got, err := Dirs(home, "s", []string{"t1", "t2", "t4", "t5", "t6", "t7", "t8", "t9"})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v %v, want %v", got, err, want)
	}
	if got, err := Dirs(home, "long", []string{"t1", "t2"}); err != nil || !maps.Equal(got, map[string]string{"t2": "/late"}) {
		t.Errorf("%v %v", got, err)
	}
	if got, err := Dirs(home, "none", []string{"t1"}); err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
	for _, s := range []string{"../other", "*", ""} {
		if got, err := Dirs(home, s, []string{"t9"}); err == nil {
			t.Errorf("%q: %v", s, got)
		}
	}
	t.Setenv("HOME", home)
	var out bytes.Buffer
	if err := Main([]string{"s", "t6"}, &out); err != nil || strings.TrimSpace(out.String()) != `{"t6":"/tmp"}` {
		t.Errorf("%q %v", out.String(), err)
	}
	if err := Main([]string{"s"}, &out); err == nil {
		t.Error("no call is no error")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"cwd":"/w","message":{"content":[{"type":"tool_use","id":"t1"}]}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "s.jsonl")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		if err := read(path, []string{"t1"}, found); err != nil {
			t.Error(err)
		}
		if dir, ok := found["t1"]; len(found) > 1 || ok && !filepath.IsAbs(dir) {
			t.Errorf("%v", found)
		}
	})
}

func TestWhatIsWrittenDownLateIsFound(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	folder := filepath.Join(home, ".claude", "projects", "-workspace")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	time.AfterFunc(3*pause, func() {
		written <- os.WriteFile(filepath.Join(folder, "s1.jsonl"),
			[]byte(`{"cwd":"/workspace/a","message":{"content":[{"type":"tool_use","id":"call-1"}]}}`+"\n"), 0o600)
	})
	var out bytes.Buffer
	if err := Main([]string{"s1", "call-1"}, &out); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(out.String()); got != `{"call-1":"/workspace/a"}` {
		t.Errorf("got %s", got)
	}
}
