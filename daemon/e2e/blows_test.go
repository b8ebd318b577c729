package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volundr/ui/client"
)

// soon polls quickly until there is a sign that something is under way.
func (p *product) soon(what string, sign func() bool) {
	p.t.Helper()
	for late := time.Now().Add(90 * time.Second); !sign(); {
		if time.Now().After(late) {
			p.t.Fatalf("no sign that %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// under strikes while a call is under way: the call runs beside, and its answer,
// cut off or not, is waited for and given.
func (p *product) under(call func(c *client.Client) error, what string, sign func() bool, strike func()) (err error) {
	p.t.Helper()
	c, done := p.client(), make(chan struct{})
	go func() {
		defer close(done)
		err = call(c)
	}()
	p.soon(what, sign)
	strike()
	<-done
	return err
}

// anew is kill -9 of the daemon and another one in its place.
func (p *product) anew() {
	p.t.Helper()
	p.kill()
	p.start()
}

// packing reports whether a pack is being written.
func (p *product) packing() bool {
	all, err := filepath.Glob(filepath.Join(p.dir, "archives", "tmp-*"))
	if err != nil || len(all) == 0 {
		return false
	}
	info, err := os.Stat(all[0])
	return err == nil && info.Size() > 0
}

// parts counts a session's running containers.
func parts(t *testing.T, id string) int {
	return count(t, "ps", "-q", "--filter", "label=volundr.session="+id)
}

// has reports whether the container of one part of a session runs.
func has(t *testing.T, id, part string) bool {
	return count(t, "ps", "-q", "--filter", "label=volundr.session="+id, "--filter", "label=volundr.part="+part) > 0
}

// stores counts its volumes.
func stores(t *testing.T, id string) int {
	return count(t, "volume", "ls", "-q", "--filter", "label=volundr.session="+id)
}

func count(t *testing.T, args ...string) int {
	t.Helper()
	out, err := exec.Command("docker", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return len(strings.Fields(string(out)))
}

// slay is kill -9 of the container of one part of a session.
func slay(t *testing.T, id, part string) {
	t.Helper()
	if out, err := exec.Command("docker", "kill", "-s", "KILL", container(t, id, part)).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
}
