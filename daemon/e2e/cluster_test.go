package e2e

import (
	"os"
	"strings"
	"testing"

	"volundr/ui/client"
)

// besideDocker is the configuration of a daemon that has a cluster beside Docker:
// the one that `make test-kube` has started.
func besideDocker(t *testing.T) string {
	t.Helper()
	if os.Getenv(envKubeconfig) == "" || os.Getenv(envKubeImage) == "" {
		t.Skipf("no cluster is named by %s and %s: make test-kube runs this", envKubeconfig, envKubeImage)
	}
	return clusterSettings(os.Getenv(envKubeconfig))
}

// tree is a sum over a session's workspace: commits, index, stash, names, modes,
// links and contents.
func (p *product) tree(id string) string {
	p.t.Helper()
	return p.inAgent(id, `cd /workspace; (git log --format=%H; git stash list; git status --porcelain; find . -mindepth 1 -path ./.git -prune -o -path ./build -prune -o -printf '%m %p %l\n' | sort;`+
		` find . -path ./.git -prune -o -path ./build -prune -o -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum`)
}

// A session works on a cluster as it does on Docker: agent, shell, stop, start,
// chronicle; and it moves there and back, with workspace and conversation.
func TestASessionMovesToAClusterAndBack(t *testing.T) {
	config := besideDocker(t)
	m, env := provider(t)
	p := prepare(t, t.TempDir(), env...)
	p.on = config
	p.configure("")
	p.start()
	c := p.client()

	here := p.create(client.SessionCreate{Name: "mover", Agent: "claude", Mode: modes["claude"], Source: &client.Source{Type: client.SourceGit, Repo: repository(t), Branch: "main"}})
	if here.Runtime != "docker" {
		t.Errorf("it runs on %s", here.Runtime)
	}
	p.ask(here.ID, "the-word-is-crane")
	p.inAgent(here.ID, dirty)
	state := p.tree(here.ID)
	if _, err := c.Stop(t.Context(), here.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(here.ID, client.Stopped)

	there, err := c.Reforge(t.Context(), here.ID, client.Reforge{Runtime: "kubernetes"})
	if err != nil {
		t.Fatal(err)
	}
	if there = p.awaitState(there.ID, client.Running); there.Runtime != "kubernetes" {
		t.Errorf("it runs on %s", there.Runtime)
	}
	if got := p.tree(there.ID); got != state {
		t.Error("the workspace on the cluster is another")
	}
	p.ask(there.ID, "which-word-on-the-cluster")
	if !remembers(m, "which-word-on-the-cluster", "the-word-is-crane") {
		t.Error("the agent on the cluster does not know the conversation")
	}
	p.ask(there.ID, "run echo from-the-cluster > /workspace/there.txt")
	p.shell(there.ID).does("echo of-a-person >> /workspace/there.txt")
	if got := p.inAgent(there.ID, "cat /workspace/there.txt"); got != "from-the-cluster\nof-a-person\n" {
		t.Errorf("agent and person wrote %q", got)
	}
	state = p.tree(there.ID)

	// The daemon dies, and finds it again; it stops and starts, its files kept.
	p.kill()
	p.start()
	p.awaitState(there.ID, client.Running)
	p.ask(there.ID, "the-second-word-is-heron")
	if _, err := c.Stop(t.Context(), there.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(there.ID, client.Stopped)
	if left := p.onCluster(there.ID, "pods,persistentvolumeclaims,secrets"); strings.Contains(left, "pod/") || !strings.Contains(left, "persistentvolumeclaim/") {
		t.Errorf("a stopped session has %s", left)
	}
	if _, err := c.Start(t.Context(), there.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(there.ID, client.Running)
	if got := p.tree(there.ID); got != state {
		t.Error("the workspace changed by a stop and a start")
	}
	if _, err := c.Stop(t.Context(), there.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(there.ID, client.Stopped)
	told, err := p.run("chronicles", "show", there.ID)
	if err != nil || !strings.Contains(told, "mover") {
		t.Errorf("%v\n%s", err, told)
	}

	back, err := c.Reforge(t.Context(), there.ID, client.Reforge{Runtime: "docker"})
	if err != nil {
		t.Fatal(err)
	}
	if back = p.awaitState(back.ID, client.Running); back.Runtime != "docker" {
		t.Errorf("it runs on %s", back.Runtime)
	}
	if got := p.tree(back.ID); got != state {
		t.Error("the workspace that came back is another")
	}
	p.ask(back.ID, "which-words-at-home")
	for _, word := range []string{"the-word-is-crane", "the-second-word-is-heron"} {
		if !remembers(m, "which-words-at-home", word) {
			t.Errorf("the agent at home does not know %s", word)
		}
	}
	if err := c.Delete(t.Context(), there.ID); err != nil {
		t.Fatal(err)
	}
	if left := p.onCluster(there.ID, "pods,persistentvolumeclaims,secrets"); left != "" {
		t.Errorf("a deleted session has %s", left)
	}
}
