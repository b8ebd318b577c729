package e2e

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// dirty makes everything in a workspace that a clone does not have: a commit,
// staged, unstaged and untracked files, a stash, modes, links, what git ignores.
const dirty = `cd /workspace
git commit -q --allow-empty -m base-of-stash
echo stashed >> README.md; git stash -q
echo committed > committed.txt; git add committed.txt; git commit -q -m 'made in the session'
echo staged > staged.txt; git add staged.txt
echo changed >> README.md
printf 'a\r\nb\000' > 'odd name.bin'
printf '#!/bin/sh\n' > tool.sh; chmod 755 tool.sh
ln -s tool.sh link; mkdir -p empty/inner
echo build/ > .git/info/exclude; mkdir -p build; echo big > build/out`

// state is everything about a workspace, and with ignored what git ignores.
const state = `cd /workspace
git status --porcelain; git stash list --format=%s; git log --format='%H %s' --all; git branch --show-current; git remote -v
find . -path ./.git -prune -o -path ./build -prune -o -printf '%M %p %l\n' | sort
find . -path ./.git -prune -o -path ./build -prune -o -type f -print0 | sort -z | xargs -0 sha256sum`

// remembers reports whether the model was shown an earlier conversation in the
// last call with text.
func remembers(m *model.Server, text, earlier string) bool {
	for _, r := range m.Requests() {
		if body := string(r.Body); strings.Contains(body, text) && strings.Contains(body, earlier) {
			return true
		}
	}
	return false
}

// A session's work goes on in others: with the same agent, which remembers, with
// another, which is told, from an archive, and after a failure.
func TestWorkGoesOnInAnotherSession(t *testing.T) {
	m, env := provider(t)
	p := install(t, env...)
	c := p.client()
	s := p.create(client.SessionCreate{Name: "first", Agent: "claude", Source: &client.Source{Type: client.SourceGit, Repo: repository(t), Branch: "main"}})
	p.ask(s.ID, "the-word-is-heron")
	p.inAgent(s.ID, dirty)
	want := p.inAgent(s.ID, state)
	if _, err := c.Stop(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}

	same, err := c.Reforge(t.Context(), s.ID, client.Reforge{})
	if err != nil {
		t.Fatal(err)
	}
	if same.Name != "first-2" {
		t.Errorf("it is called %s", same.Name)
	}
	p.awaitState(same.ID, client.Running)
	if got := p.inAgent(same.ID, state); got != want {
		t.Errorf("the workspace is\n%s\nwant\n%s", got, want)
	}
	p.ask(same.ID, "which-word-was-it-same")
	if !remembers(m, "which-word-was-it-same", "the-word-is-heron") {
		t.Error("the same agent does not remember")
	}

	// Archived, its work is there for the other agent, and comes back byte for byte.
	if _, err := c.Stop(t.Context(), same.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Archive(t.Context(), same.ID); err != nil || got.Status != client.Archived {
		t.Fatalf("archive: %v %s", err, got.Status)
	}
	if left := leftovers(t, same.ID); left != "" {
		t.Errorf("an archived session has %s", left)
	}
	other, err := c.Reforge(t.Context(), same.ID, client.Reforge{Agent: "codex", Model: "gpt-5.5", Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	p.awaitState(other.ID, client.Running)
	if got := p.inAgent(other.ID, state); got != want {
		t.Errorf("the other's workspace is\n%s\nwant\n%s", got, want)
	}
	p.ask(other.ID, "which-word-was-it-other")
	if !remembers(m, "which-word-was-it-other", "the-word-is-heron") {
		t.Error("the other agent was not told")
	}

	// A session that fails leaves as much.
	container, err := exec.Command("docker", "ps", "-q", "--filter", "label=volundr.session="+other.ID, "--filter", "label=volundr.part=agent").Output()
	if err != nil {
		t.Fatal(err)
	}
	p.inAgent(other.ID, "echo late > /workspace/late.txt")
	if out, err := exec.Command("docker", "exec", "-u", "1000", strings.TrimSpace(string(container)), "sh", "-c", "kill -9 -1; kill 1").CombinedOutput(); err != nil {
		t.Logf("the agent's container: %v %s", err, out)
	}
	if out, err := exec.Command("docker", "kill", "-s", "TERM", strings.TrimSpace(string(container))).CombinedOutput(); err != nil {
		t.Logf("the agent's container: %v %s", err, out)
	}
	p.awaitState(other.ID, client.Failed)
	after, err := c.Reforge(t.Context(), other.ID, client.Reforge{})
	if err != nil {
		t.Fatal(err)
	}
	p.awaitState(after.ID, client.Running)
	if got := strings.TrimSpace(p.inAgent(after.ID, "cat /workspace/late.txt")); got != "late" {
		t.Errorf("after a failure: %q", got)
	}
	p.ask(after.ID, "which-word-was-it-after")
	if !remembers(m, "which-word-was-it-after", "which-word-was-it-other") {
		t.Error("the agent does not remember what was before the failure")
	}
}

// What was archived comes back as it was, with what git ignores and the agent's
// memory, whenever the daemon is killed meanwhile.
func TestAnArchiveComesBackByteForByte(t *testing.T) {
	m, env := provider(t)
	p := install(t, env...)
	c := p.client()
	s := p.create(client.SessionCreate{Name: "packed", Agent: "claude", Source: &client.Source{Type: client.SourceGit, Repo: repository(t), Branch: "main"}})
	p.ask(s.ID, "the-word-is-egret")
	p.inAgent(s.ID, dirty)
	if _, err := c.Stop(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	want := volumes(t, s.ID)
	for _, kill := range []time.Duration{0, 300 * time.Millisecond, 1200 * time.Millisecond} {
		p.interrupted(kill, s.ID, "archive", client.Archived)
		if left := leftovers(t, s.ID); left != "" {
			t.Errorf("an archived session has %s", left)
		}
		p.interrupted(kill, s.ID, "restore", client.Stopped)
		if got := volumes(t, s.ID); got != want {
			t.Fatalf("killed after %s: the volumes hold\n%s\nwant\n%s", kill, got, want)
		}
	}
	if _, err := c.Start(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(s.ID, client.Running)
	p.ask(s.ID, "which-word-was-it")
	if !remembers(m, "which-word-was-it", "the-word-is-egret") {
		t.Error("the agent forgot")
	}
}

// interrupted asks for something, kills the daemon after a while, starts it
// anew, and waits for the state. 0: no kill.
func (p *product) interrupted(after time.Duration, id, what, state string) {
	p.t.Helper()
	if after == 0 {
		var err error
		if what == "archive" {
			_, err = p.client().Archive(p.t.Context(), id)
		} else {
			_, err = p.client().Restore(p.t.Context(), id)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	} else {
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			if what == "archive" {
				p.client().Archive(p.t.Context(), id) // its answer is cut off
			} else {
				p.client().Restore(p.t.Context(), id)
			}
		}()
		<-time.After(after)
		p.kill()
		<-asked
		p.start()
	}
	p.awaitState(id, state)
}

// volumes is everything that a stopped session's volumes hold.
func volumes(t *testing.T, id string) string {
	t.Helper()
	names, err := exec.Command("docker", "volume", "ls", "-q", "--filter", "label=volundr.session="+id).Output()
	if err != nil {
		t.Fatal(err)
	}
	image, err := exec.Command("docker", "ps", "-a", "--filter", "label=volundr.session="+id, "--format", "{{.Image}}").Output()
	if err != nil || len(image) == 0 {
		t.Fatalf("no image: %v", err)
	}
	args := []string{"run", "--rm", "--user", "0", "--entrypoint", "sh"}
	for _, name := range strings.Fields(string(names)) {
		args = append(args, "-v", name+":/v/"+name[strings.LastIndex(name, "-")+1:]+":ro")
	}
	script := `cd /v && find . -printf '%M %U:%G %p %l\n' | sort; find . -type f -printf '%s %T@ %p\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum`
	out, err := exec.Command("docker", append(append(args, strings.Fields(string(image))[0]), "-c", script)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
