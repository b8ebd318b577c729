package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volundr/ui/client"
)

// identity is how a person's commits in a session are signed.
const identity = "git -c user.name=Bob -c user.email=bob@example.com "

// worked is a repository with something in it to change, delete and rename, and
// a bare one beside it that can be pushed to.
func worked(t *testing.T) string {
	t.Helper()
	dir := repository(t)
	for name, text := range map[string]string{
		"gone.txt": "one\ntwo\n", "moved.txt": "a file that moves\nwith\nsome\nlines\nin it\n", ".gitignore": "build/\n",
		".gitattributes": "*.crlf text eol=crlf\n", "lines.crlf": "one\r\ntwo\r\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "add", ".")
	git(t, dir, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "-m", "Second")
	return dir
}

// deed is a command line and how it ends.
type deed struct {
	line string
	exit int
}

// Deeds of the story: what the agent's shell tool runs, and what a person types.
var (
	agentDeeds = []deed{
		{"git add hello.txt && git -c user.name=Robot -c user.email=robot@example.com commit -qm 'Say hello'", 0},
		{"sh -c 'echo no such widget >&2; exit 7'", 7},
		{"echo all 3 widgets pass", 0},
	}
	personDeeds = []deed{
		{"ls no-such-file", 2},
		{"git branch side", 0},
		{"git push -q origin side", 0},
		{"printf 'by hand\\n' > hand.txt && git add hand.txt && " + identity + "commit -qm 'By hand'", 0},
		{"printf 'stashed\\n' >> hand.txt && " + identity + "stash -q", 0},
		{"printf '#!/bin/sh\\necho tool\\n' > tool.sh && chmod 755 tool.sh && git add tool.sh", 0},
		{"printf 'dirty\\n' >> README.md", 0},
		{"printf 'new\\nlines\\n' > 'odd näme.txt'", 0},
		{"ln -s hello.txt link && ln -s /nowhere/at/all dangling", 0},
		{"mkdir -p empty/inside build && echo object > build/out.o", 0},
		{"head -c 5000 /dev/urandom > binary.dat", 0},
		{"rm gone.txt", 0},
		{"mv moved.txt renamed.txt", 0},
	}
)

// state is all of a workspace that can be compared: what git says, and every
// file with its mode, links and contents. Without ignored: what git ignores is
// left out.
func (p *product) state(id string, ignored bool) string {
	p.t.Helper()
	skip := " -o -path ./build"
	if ignored {
		skip = ""
	}
	return p.inAgent(id, `cd /workspace && export GIT_OPTIONAL_LOCKS=0
git status --porcelain=v2 --branch; echo; git stash list --format='%H %gs'; git log --all --format='%H %an %ad %s %D'; git ls-files -s
git config --get-all remote.origin.url
find . \( -path ./.git`+skip+` \) -prune -o -printf '%y %m %p %l\n' | LC_ALL=C sort
find . \( -path ./.git`+skip+` \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`)
}

// settledFiles waits until the watcher has told of the last deeds.
func (p *product) settledFiles(id string) {
	p.t.Helper()
	p.told(id, "the file that was renamed", func(e client.TimelineEvent) bool { return e.Type == "file" && e.Label == "renamed.txt" })
	p.told(id, "the last command", func(e client.TimelineEvent) bool {
		return e.Type == "terminal" && strings.HasPrefix(e.Label, personDeeds[len(personDeeds)-1].line)
	})
}
