package e2e

import (
	"os/exec"
	"strings"
	"testing"
	"time"

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

// Files and conversation go back in place, or on in another session, from the
// state before any message; of a session at rest too.
func TestBackToHereAndForkFromHere(t *testing.T) {
	m, env := provider(t)
	p := install(t, env...)
	c := p.client()
	s := p.create(client.SessionCreate{Name: "turns", Agent: "claude", Source: &client.Source{Type: client.SourceGit, Repo: repository(t), Branch: "main"}})
	p.ask(s.ID, "the-word-is-crane")
	p.ask(s.ID, "the-word-is-stork")
	p.inAgent(s.ID, "echo late > /workspace/late.txt")
	p.ask(s.ID, "the-word-is-ibis")
	points, err := c.Checkpoints(t.Context(), s.ID)
	if err != nil || len(points) != 3 || points[1].Text != "the-word-is-stork" || points[2].Text != "the-word-is-ibis" {
		t.Fatalf("%+v, %v", points, err)
	}
	loss, err := c.CheckpointLoss(t.Context(), s.ID, points[1].ID)
	if err != nil || len(loss.Changes) != 1 || loss.Changes[0].Path != "late.txt" {
		t.Errorf("%+v, %v", loss, err)
	}

	if _, err := c.Stop(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	fork, err := c.Reforge(t.Context(), s.ID, client.Reforge{Checkpoint: points[1].ID})
	if err != nil {
		t.Fatal(err)
	}
	p.awaitState(fork.ID, client.Running)
	forgot := func(id, question string) {
		t.Helper()
		if got := strings.TrimSpace(p.inAgent(id, "ls /workspace/late.txt 2>/dev/null || true")); got != "" {
			t.Errorf("%s is there", got)
		}
		p.ask(id, question)
		if !remembers(m, question, "the-word-is-crane") || remembers(m, question, "the-word-is-ibis") {
			t.Error("the conversation does not stand where it stood")
		}
	}
	forgot(fork.ID, "which-word-after-fork")

	if _, err := c.Start(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(s.ID, client.Running)
	if out, err := p.run("sessions", "rewind", s.ID, points[1].ID, "--yes"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	forgot(s.ID, "which-word-after-rewind")
}
