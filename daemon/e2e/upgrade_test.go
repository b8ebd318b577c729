package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// stamped builds the executable as of a version, with further migrations.
func stamped(t *testing.T, version string, migrations ...string) string {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for i, script := range migrations {
		from := filepath.Join(dir, fmt.Sprintf("%d.sql", 9000+i))
		if err := os.WriteFile(from, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		to, err := filepath.Abs("../../store/migrations/" + filepath.Base(from))
		if err != nil {
			t.Fatal(err)
		}
		replace[to] = from
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "volundr")
	build := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-ldflags", "-X main.version="+version, "-o", out, "volundr")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, said)
	}
	return out
}

// A newer executable, with a newer schema, takes a daemon's place while one
// session's agent is in the middle of an answer and another one's shell is
// open: `volundr up` says how, and then they are the same sessions in the same
// containers, with all that was said and typed, and go on. The old executable
// then says why it cannot have the place back.
func TestANewerExecutableKeepsSessions(t *testing.T) {
	_, env := provider(t)
	p := prepare(t, t.TempDir(), env...)
	older := stamped(t, "v1.0.0")
	newer := stamped(t, "v2.0.0", "CREATE TABLE later (n INTEGER PRIMARY KEY) STRICT; INSERT INTO later VALUES (42);")
	p.own = older
	p.start()
	s, desk := p.create(client.SessionCreate{Name: "kept"}), p.create(client.SessionCreate{Name: "desk"})
	p.ask(s.ID, "run echo before > kept.txt")
	x := p.shell(desk.ID)
	x.does("MARK=$((40+2)); echo typed-$MARK")
	containers := func() (all string) {
		for _, is := range []client.Session{s, desk} {
			out, err := exec.Command("docker", "ps", "-q", "--no-trunc", "--filter", "label=volundr.session="+is.ID).Output()
			if err != nil {
				t.Fatal(err)
			}
			all += string(out)
		}
		return all
	}
	before := containers()
	if n := len(strings.Fields(before)); n != 8 {
		t.Fatalf("%d containers", n)
	}

	up := func(executable string) (string, error) {
		cmd := exec.Command(executable, "--data-dir", p.dir, "up", "--no-open", "--no-wait", "--listen", p.addr)
		cmd.Env = p.env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := up(newer); err != nil || !strings.Contains(out, "of version v1.0.0, and this is v2.0.0") || !strings.Contains(out, "/login/") {
		t.Fatalf("%v %s", err, out)
	}
	if st, err := p.client().Status(t.Context()); err != nil || st.Version != "v1.0.0" {
		t.Fatalf("%+v %v", st, err)
	}
	const words = 300
	if err := p.client().Send(t.Context(), s.ID, fmt.Sprintf("slow %d", words)); err != nil {
		t.Fatal(err)
	}
	p.eventually(limit, "the answer has begun", func() bool { return strings.Contains(p.lastAnswer(s.ID), model.Words(20)) })
	p.down()
	if during := containers(); during != before {
		t.Errorf("without a daemon: %s, not %s", during, before)
	}

	p.own = newer
	p.start()
	if st, err := p.client().Status(t.Context()); err != nil || st.Version != "v2.0.0" {
		t.Errorf("%+v %v", st, err)
	}
	if kept, err := filepath.Glob(filepath.Join(p.dir, "volundr.db.v*.bak")); err != nil || len(kept) != 1 {
		t.Errorf("copies of the database from before: %v %v", kept, err)
	}
	for _, was := range []client.Session{s, desk} {
		if is := p.awaitState(was.ID, client.Running); is.Run != was.Run {
			t.Errorf("%s: run %d, want %d", was.Name, is.Run, was.Run)
		}
	}
	p.idle(s.ID)
	if after := containers(); after != before {
		t.Errorf("%s, not %s", after, before)
	}
	if answer := p.lastAnswer(s.ID); strings.Count(answer, model.Words(20)) != 1 || !strings.Contains(answer, model.Words(words)) {
		t.Errorf("the answer is not there once and whole:\n%s", answer)
	}
	talk, err := p.client().Conversation(t.Context(), s.ID)
	if err != nil || len(talk.Turns) != 4 || !strings.Contains(talk.Turns[0].Content, "echo before") {
		t.Errorf("%+v %v", talk, err)
	}
	p.ask(s.ID, "run echo after >> kept.txt")
	if got := p.inAgent(s.ID, "cat /workspace/kept.txt"); got != "before\nafter\n" {
		t.Errorf("%q", got)
	}
	x = p.shell(desk.ID)
	x.shows("typed-42")
	x.does("echo the-same-$MARK")
	x.shows("the-same-42")

	p.down()
	if out, err := up(older); err == nil || !strings.Contains(out, "it was written by a newer Volundr") {
		t.Errorf("%v %s", err, out)
	}
	if after := containers(); after != before {
		t.Errorf("after an older executable: %s, not %s", after, before)
	}
	p.start()
	p.awaitState(s.ID, client.Running)
}
