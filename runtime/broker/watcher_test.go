package broker_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volundr/runtime/broker/wire"
)

// What the agent, a person in the terminal and git do in a session's workspace
// stands in its journal: the agent's within its turn, each thing once.
func TestJournalTellsOfTheWorkspace(t *testing.T) {
	p := newPod(t, claude("acceptEdits"))
	d := newDaemon(t, p)
	p.up("terminal")
	d.connect()
	d.ready()
	p.exec("cd /workspace && git init -q -b main && git config user.name Ada && git config user.email a@x && git commit -q --allow-empty -m first")
	await(d, "", wire.EntryGit, func(g wire.Git) bool { return g.Action == "commit" && g.Subject == "first" && g.Author == "Ada" })

	d.prompt("w1", "write hello.txt")
	d.end("w1")
	named := func(path string) func(wire.Files) bool {
		return func(f wire.Files) bool {
			for _, c := range f.Changes {
				if c.Path == path && c.Action == "created" && c.Ins > 0 {
					return true
				}
			}
			return false
		}
	}
	await(d, "w1", wire.EntryFiles, named("hello.txt"))
	d.mu.Lock()
	for _, e := range d.entries {
		if e.Turn == "w1" && (e.Type == wire.EntryFiles || e.Type == wire.EntryTurnEnd) {
			t.Logf("%d %s", e.Seq, e.Type) // files first, but on a machine that is busy
		}
	}
	d.mu.Unlock()

	until(t, 30*time.Second, "a shell in the terminal", func() bool {
		return strings.Contains(p.docker("exec", p.name+"-terminal", "sh", "-c", "tmux new-session -d -A -s main 2>&1; tmux capture-pane -p -t main 2>&1 || true"), "$")
	})
	p.docker("exec", p.name+"-terminal", "tmux", "send-keys", "-t", "main", "cd /workspace; seq 3 > mine; sleep 0.2; false", "Enter")
	c := await(d, "", wire.EntryCommand, func(c wire.ShellCommand) bool { return strings.Contains(c.Command, "seq 3") })
	if c.Exit != 1 || c.Dir != "/workspace" || c.Shell != "bash" || c.Where != "terminal" || c.EndedAt-c.StartedAt < 200 {
		t.Errorf("the command is told as %+v", c)
	}
	await(d, "", wire.EntryFiles, named("mine"))

	// A watcher that is killed, and a session that is started again, go on.
	p.exec("pkill -9 -f 'volundr-session watch'")
	p.exec("echo 1 > /workspace/meanwhile")
	await(d, "", wire.EntryFiles, named("meanwhile"))
	d.cut()
	p.down()
	p.up()
	d.connect()
	d.ready()
	p.exec("echo 1 > /workspace/later")
	await(d, "", wire.EntryFiles, named("later"))
	told := map[string]int{}
	for _, f := range all[wire.Files](d, "", wire.EntryFiles) {
		for _, c := range f.Changes {
			told[c.Path]++
		}
	}
	for _, path := range []string{"hello.txt", "mine", "meanwhile", "later"} {
		if told[path] != 1 {
			t.Errorf("%s is told %d times", path, told[path])
		}
	}
	if n := len(all[wire.ShellCommand](d, "", wire.EntryCommand)); n != 1 {
		t.Errorf("%d commands, want the person's one", n)
	}
}

// The hooks of the shells work with what the session image has: its bash, and
// the integration of its editor.
func TestShellsOfTheImage(t *testing.T) {
	img, dir := image(t), t.TempDir()
	build := exec.Command("go", "test", "-c", "-o", filepath.Join(dir, "watch.test"), "./watch")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("docker", "run", "--rm", "--network", "none", "-u", "0", "-v", root+"/assets:/src/assets:ro", "-v", dir+":/test:ro",
		"--tmpfs", "/src/runtime/broker/watch:mode=1777", "-w", "/src/runtime/broker/watch", "--entrypoint", "/test/watch.test", img,
		"-test.v", "-test.run", "TestShellsTellOfCommands/bash").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"bash", "bash_with_a_prompt_of_its_own", "bash_in_VS_Code", "bash_with_the_integration_of_code-server"} {
		if !strings.Contains(string(out), "--- PASS: TestShellsTellOfCommands/"+name+" ") {
			t.Errorf("%s did not pass: %s", name, out)
		}
	}
}
