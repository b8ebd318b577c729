package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

// TestNoRoomForPacks: the disk that snapshots and archives go to is full. A run
// ends all the same, its chronicle and the session say why and what to do, and
// what is tried again when there is room is whole.
func TestNoRoomForPacks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("small disks can be mounted by root only")
	}
	m, env := provider(t)
	dir := t.TempDir()
	packs := filepath.Join(dir, "archives")
	if err := os.Mkdir(packs, 0o700); err != nil {
		t.Fatal(err)
	}
	mountSmall(t, packs, "64m")
	p := prepare(t, dir, env...)
	p.start()
	s := p.create(client.SessionCreate{Name: "tight", Mode: "bypassPermissions",
		Source: &client.Source{Type: client.SourceGit, Repo: worked(t), Branch: "main"}})
	p.ask(s.ID, "run echo kept > /workspace/kept.txt")
	p.inAgent(s.ID, dirty+"; head -c 8M /dev/urandom > big.dat")
	files, filler := p.state(s.ID, false), filepath.Join(packs, "filler")

	// A snapshot.
	fill(t, filler)
	p.stop(s.ID)
	const next = "the disk is full. Free some space where Volundr's data lies"
	if c := p.oneEach(s.ID)[0]; c.Pack || c.Author != "agent" || c.Reason != "stopped" || !strings.Contains(c.Missing, next) {
		t.Errorf("the chronicle of a run for whose snapshot there was no room: %+v", c)
	}
	if all, err := os.ReadDir(packs); err != nil || len(all) > 1 {
		t.Errorf("half a pack was left: %v %v", all, err)
	}
	want := volumes(t, s.ID)
	if _, err := p.client().Reforge(t.Context(), s.ID, client.Reforge{Name: "early"}); err == nil || !strings.Contains(err.Error(), "ree some space") {
		t.Errorf("a reforge without room: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	forged := p.reforge(s.ID, client.Reforge{Name: "later"})
	if d := cmp.Diff(files, p.state(forged.ID, false)); d != "" {
		t.Errorf("the workspace of a snapshot that was taken later (-was +is):\n%s", d)
	}
	p.ask(forged.ID, "what was there before?")
	if !remembers(m, "what was there before?", "run echo kept") {
		t.Error("the agent does not remember")
	}
	if c := p.oneEach(s.ID)[0]; !c.Pack || c.Missing != "" {
		t.Errorf("the chronicle, with its snapshot: %+v", c)
	}

	// An archive.
	fill(t, filler)
	done := make(chan error, 1)
	go func(c *client.Client) {
		_, err := c.Archive(t.Context(), s.ID)
		done <- err
	}(p.client())
	var now client.Session
	p.eventually(60*time.Second, "the session says what it lacks", func() bool {
		var err error
		now, err = p.client().Get(t.Context(), s.ID)
		return err == nil && strings.Contains(now.Doing, "the disk is full")
	})
	if now.Status != client.Stopped || !strings.Contains(now.Doing, "free some space") || stores(t, s.ID) != 3 {
		t.Errorf("a session for whose archive there is no room is %s (%s) with %d volumes", now.Status, now.Doing, stores(t, s.ID))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.awaitState(s.ID, client.Archived)
	if err := <-done; err != nil {
		t.Errorf("archive: %v", err)
	}
	if left := p.leftovers(s.ID); left != "" {
		t.Errorf("an archived session has %s", left)
	}
	if got, err := p.client().Restore(t.Context(), s.ID); err != nil || got.Status != client.Stopped {
		t.Fatalf("restore: %v, %s", err, got.Status)
	}
	if d := cmp.Diff(want, volumes(t, s.ID)); d != "" {
		t.Errorf("the volumes, archived and restored (-were +are):\n%s", d)
	}
}
