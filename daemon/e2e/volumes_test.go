package e2e

import (
	"os/exec"
	"strings"
	"testing"
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
