package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volundr/ui/client"
)

// stamped builds the executable as of a version.
func stamped(t *testing.T, version string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "volundr")
	if said, err := exec.Command("go", "build", "-ldflags", "-X main.version="+version, "-o", out, "volundr").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, said)
	}
	return out
}

// A newer executable takes a daemon's place while sessions run: `volundr up`
// says how, and then they are the same sessions in the same containers, with
// their conversation, and go on.
func TestANewerExecutableKeepsSessions(t *testing.T) {
	_, env := provider(t)
	p := prepare(t, t.TempDir(), env...)
	p.own = stamped(t, "v1.0.0")
	p.start()
	s := p.create(client.SessionCreate{Name: "kept"})
	p.ask(s.ID, "run echo before > kept.txt")
	containers := func() string {
		out, err := exec.Command("docker", "ps", "-q", "--no-trunc", "--filter", "label=volundr.session="+s.ID).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	before := containers()
	if n := len(strings.Fields(before)); n != 4 {
		t.Fatalf("%d containers", n)
	}

	newer := stamped(t, "v2.0.0")
	up := exec.Command(newer, "--data-dir", p.dir, "up", "--no-open", "--no-wait")
	up.Env = p.env
	if out, err := up.CombinedOutput(); err != nil || !strings.Contains(string(out), "of version v1.0.0, and this is v2.0.0") || !strings.Contains(string(out), "/login/") {
		t.Fatalf("%v %s", err, out)
	}
	if st, err := p.client().Status(t.Context()); err != nil || st.Version != "v1.0.0" {
		t.Fatalf("%+v %v", st, err)
	}
	p.down()
	if during := containers(); during != before {
		t.Errorf("without a daemon: %s, not %s", during, before)
	}
	p.own = newer
	p.start()
	if st, err := p.client().Status(t.Context()); err != nil || st.Version != "v2.0.0" {
		t.Errorf("%+v %v", st, err)
	}
	is := p.awaitState(s.ID, client.Running)
	if is.Run != s.Run || containers() != before {
		t.Errorf("run %d in %s, want %d in %s", is.Run, containers(), s.Run, before)
	}
	talk, err := p.client().Conversation(t.Context(), s.ID)
	if err != nil || len(talk.Turns) != 2 || !strings.Contains(talk.Turns[0].Content, "echo before") {
		t.Errorf("%+v %v", talk, err)
	}
	p.ask(s.ID, "run echo after >> kept.txt")
	if got := p.inAgent(s.ID, "cat /workspace/kept.txt"); got != "before\nafter\n" {
		t.Errorf("%q", got)
	}
}
