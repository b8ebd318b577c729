package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volundr/ui/client"
)

// A backup is made while a session runs, and the data directory is lost. With
// the backup the session is there again, in its containers, with its files and
// its conversation, and goes on. Of one whose volumes are gone it is said.
func TestABackupFindsItsSessionsAgain(t *testing.T) {
	_, env := provider(t)
	p := install(t, append(env, "VOLUNDR_BACKUP_PASSPHRASE=correct horse")...)
	kept := p.create(client.SessionCreate{Name: "kept"})
	p.ask(kept.ID, "run echo before > kept.txt")
	gone := p.create(client.SessionCreate{Name: "gone"})
	p.ask(gone.ID, "run echo lost > gone.txt")
	if _, err := p.client().Stop(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(gone.ID, client.Stopped)

	file := filepath.Join(t.TempDir(), "all.backup")
	said := func(want string, args ...string) {
		t.Helper()
		if out, err := p.run(args...); err != nil || !strings.Contains(out, want) {
			t.Fatalf("%v: %v %s", args, err, out)
		}
	}
	said("2 sessions, ", "backup", "create", file)
	said("is whole", "backup", "verify", file)
	p.down()
	containers := func() string {
		out, err := exec.Command("docker", "ps", "-q", "--no-trunc", "--filter", "label=volundr.session="+kept.ID).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	before := containers()
	removeVolumes(t, gone.ID)
	if err := os.RemoveAll(p.dir); err != nil {
		t.Fatal(err)
	}
	said("kept: its volumes are here.\ngone: Its volumes were not here", "backup", "restore", file)
	p.start()

	is := p.awaitState(kept.ID, client.Running)
	if is.Run != kept.Run || containers() != before {
		t.Errorf("run %d in %s, want %d in %s", is.Run, containers(), kept.Run, before)
	}
	p.ask(kept.ID, "run echo after >> kept.txt")
	if got := p.inAgent(kept.ID, "cat /workspace/kept.txt"); got != "before\nafter\n" {
		t.Errorf("%q", got)
	}
	talk, err := p.client().Conversation(t.Context(), kept.ID)
	if err != nil || len(talk.Turns) != 4 || !strings.Contains(talk.Turns[0].Content, "echo before") {
		t.Errorf("%+v %v", talk, err)
	}

	failed := p.awaitState(gone.ID, client.Failed)
	if failed.Failure == nil || !strings.Contains(failed.Failure.Reason, "A snapshot of run 1 is left") {
		t.Errorf("%+v", failed.Failure)
	}
	if _, err := p.client().Start(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(gone.ID, client.Running)
	p.ask(gone.ID, "run ls > list.txt")
	if got := p.inAgent(gone.ID, "ls /workspace"); got != "list.txt\n" {
		t.Errorf("%q", got)
	}
}

// removeVolumes is somebody who takes a stopped session's containers and volumes
// away.
func removeVolumes(t *testing.T, id string) {
	t.Helper()
	for _, args := range [][]string{{"ps", "-aq"}, {"volume", "ls", "-q"}} {
		out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", append(args, "--filter", "label=volundr.session="+id)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		remove := []string{"rm", "-f"}
		if args[0] == "volume" {
			remove = []string{"volume", "rm"}
		}
		if names := strings.Fields(string(out)); len(names) > 0 {
			if said, err := exec.Command("docker", append(remove, names...)...).CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, said)
			}
		}
	}
}
