package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"volundr/ui/client"
)

// onCluster is the configuration of a daemon that has a cluster beside Docker:
// the one that `make test-kube` has started.
func onCluster(t *testing.T) string {
	t.Helper()
	config, image := os.Getenv("VOLUNDR_KUBECONFIG"), os.Getenv("VOLUNDR_KUBE_IMAGE")
	if config == "" || image == "" {
		t.Skip("no cluster is named by VOLUNDR_KUBECONFIG and VOLUNDR_KUBE_IMAGE: make test-kube runs this")
	}
	return fmt.Sprintf("kubernetes:\n  kubeconfig: %q\n  storage_class: %q\n  images: {session: %q}\n  volume_gb: {workspace: 1, home: 1, journal: 1}\n",
		config, os.Getenv("VOLUNDR_KUBE_STORAGE_CLASS"), image)
}

// onlyHere is what the cluster has of a session.
func (p *product) onlyHere(id string) string {
	p.t.Helper()
	ask := exec.Command(os.Getenv("VOLUNDR_CLUSTER"))
	ask.Args = []string{"kubectl", "--kubeconfig", os.Getenv("VOLUNDR_KUBECONFIG"), "get", "pods,persistentvolumeclaims,secrets", "-A", "-o", "name", "-l", "volundr.session=" + id}
	out, err := ask.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(strings.ReplaceAll(string(out), "No resources found", ""))
}

// tree is a sum over a workspace, taken by a person's shell in the session:
// commits, index, stash, names, modes, links and contents.
func (p *product) tree(id string) string {
	p.t.Helper()
	x := p.shell(id)
	x.does(` cd /workspace; echo sum=$( (git log --format=%H; git stash list; git status --porcelain; find . -mindepth 1 -path ./.git -prune -o -path ./build -prune -o -printf '%m %p %l\n' | sort;` +
		` find . -path ./.git -prune -o -path ./build -prune -o -type f -print0 | sort -z | xargs -0 sha256sum) | tee /tmp/tree | sha256sum | cut -c1-64)`)
	x.mu.Lock()
	defer x.mu.Unlock()
	all := regexp.MustCompile(`sum=([0-9a-f]{64})`).FindAllSubmatch(x.out.Bytes(), -1)
	if len(all) == 0 {
		p.t.Fatalf("no sum:\n%s", x.out.Bytes())
	}
	return string(all[len(all)-1][1])
}

// A session works on a cluster as it does on Docker: agent, shell, stop, start,
// chronicle; and it moves there and back, with workspace and conversation.
func TestASessionMovesToAClusterAndBack(t *testing.T) {
	config := onCluster(t)
	m, env := provider(t)
	p := prepare(t, t.TempDir(), env...)
	p.configure(config)
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
	if left := p.onlyHere(there.ID); strings.Contains(left, "pod/") || !strings.Contains(left, "persistentvolumeclaim/") {
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
	if left := p.onlyHere(there.ID); left != "" {
		t.Errorf("a deleted session has %s", left)
	}
}
