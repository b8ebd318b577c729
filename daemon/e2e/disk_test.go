package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// TestFullDisks: under the daemon's data, and under a session's journal. Each
// time there is a sentence, and when there is room again all goes on.
func TestFullDisks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("small disks can be mounted by root only")
	}
	m, env := provider(t)
	m.SetTick(20 * time.Millisecond)
	dir := t.TempDir()
	mountSmall(t, dir, "16m")
	p := prepare(t, dir, env...)
	p.start()
	s := p.create(client.SessionCreate{Name: "small"})
	b := openBrowser(t, p)
	fullData(t, p, b, s.ID)
	fullJournal(t, p, b, s.ID)
}

func fullData(t *testing.T, p *product, b *browser, id string) {
	b.visit(b.ui + "/sessions/" + id + "/chat")
	words := 150
	b.say("slow 150")
	b.sees(model.Words(10))
	filler := filepath.Join(p.dir, "filler")
	fill(t, filler)
	_, err := p.client().Create(t.Context(), client.SessionCreate{Name: "too-much"})
	var e *client.Error
	if !errors.As(err, &e) || e.Status != 507 || !strings.Contains(e.Detail, "free some space") {
		t.Errorf("create on a full disk: %v", err)
	}
	if out, err := p.run("sessions", "create", "too-much"); err == nil || !strings.Contains(out, "free some space") {
		t.Errorf("volundr sessions create on a full disk: %v %s", err, out)
	}
	b.say("is there room?")
	b.is("that the message was not taken", "[...document.querySelectorAll('#toasts p')].some(e => e.textContent.includes('The disk is full: free some space'))")
	b.is("that it is where it was typed", "document.getElementById('prompt').value === 'is there room?'")
	b.portraits("disk-full")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.idle(id)
	if got, want := p.lastAnswer(id), model.Words(words); strings.Count(got, want) != 1 || strings.Count(got, "word1 ") != 1 {
		t.Errorf("what was said while the disk was full is not there once and whole:\n%s", got)
	}
	b.sees(lastWords(words))
	b.do(chromedp.Click("#send"))
	b.sees("You said: is there room?")
}

// fullJournal puts the session's journal on a small disk.
func fullJournal(t *testing.T, p *product, b *browser, id string) {
	if _, err := p.client().Stop(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	volume, unmount := smallVolume(t, id, "journal", "4m")
	if _, err := p.client().Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	p.awaitState(id, client.Running)
	b.visit(b.ui + "/sessions/" + id + "/chat")
	b.say("slow 2000")
	b.is("the answer under way", "[...document.querySelectorAll('.item.streaming')].length > 0")
	filler := filepath.Join(volume, "filler")
	fill(t, filler)
	b.sees("The disk of this session's journal is full")
	b.portraits("journal-full")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.idle(id)
	b.say("room again?")
	b.sees("You said: room again?")
	b.sees("You said: is there room?")
	unmount() // the volume could not be deleted under it
}

// smallVolume puts a volume of a stopped session, with what it holds, on a small
// disk, and gives the folder that it is on the host.
func smallVolume(t *testing.T, id, name, size string) (volume string, unmount func()) {
	t.Helper()
	out, err := exec.Command("sh", "-c", "docker volume inspect -f '{{.Mountpoint}}' $(docker volume ls -q --filter label=volundr.session="+id+" | grep "+name+")").Output()
	if err != nil {
		t.Fatal(err)
	}
	volume = strings.TrimSpace(string(out))
	kept := t.TempDir()
	sh(t, "cp -a "+volume+"/. "+kept+" && chown --reference="+volume+" "+kept+" && chmod --reference="+volume+" "+kept)
	unmount = mountSmall(t, volume, size)
	sh(t, "cp -a "+kept+"/. "+volume+" && chown --reference="+kept+" "+volume+" && chmod --reference="+kept+" "+volume)
	return volume, unmount
}

// mountSmall puts a small disk over a folder until unmount is called, or the
// test ends.
func mountSmall(t *testing.T, dir, size string) (unmount func()) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	mounted := true
	unmount = func() {
		if mounted {
			mounted = false
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount %s: %v", dir, err)
			}
		}
	}
	t.Cleanup(unmount)
	return unmount
}

// fill writes until there is no room left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 512} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

func sh(t *testing.T, script string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}
