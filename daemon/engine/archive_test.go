package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"volundr/daemon/chronicle"
	"volundr/daemon/chronicle/blob"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/runtime/fake"
	"volundr/store"
)

// disk is what the volumes of a world hold. It outlives daemons.
type disk struct {
	*world
	dir string

	mu      sync.Mutex
	content map[string]string // by "id/volume"
	seen    int               // removals taken into account
}

var lived = map[string]string{"a/workspace": "work", "a/home": "memory", "a/journal": "record"}

// holds gives the content of all volumes that are there.
func (d *disk) holds() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refresh()
	return maps.Clone(d.content)
}

func (d *disk) refresh() {
	removed := d.rt.Removed()
	for _, v := range removed[d.seen:] {
		delete(d.content, v)
	}
	d.seen = len(removed)
}

// packing gives a daemon's engine the real chronicles over the disk.
func (d *disk) packing(t *testing.T, l *store.DB) (*chronicle.Chronicles, *blob.Blobs) {
	t.Helper()
	folder, err := blob.NewFolder(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	blobs := blob.New(blob.Options{DB: l, Place: folder,
		Seal: func(_ context.Context, w io.Writer) (io.WriteCloser, error) { return open{w}, nil },
		Open: func(_ context.Context, r io.Reader) (io.Reader, error) { return r, nil }})
	rt := d.rt.Again()
	return chronicle.New(chronicle.Options{DB: l, Volumes: chronicle.Volumes{
		Blobs: blobs, Pack: d.pack, Unpack: d.unpack, Visit: d.visit,
		Runtime: func(string) runtime.Runtime { return rt },
		Helper: func(_ context.Context, s store.Session, image string) (runtime.Spec, error) {
			sp := spec(s, image)
			sp.Helper, sp.Parts = true, sp.Parts[:2]
			return sp, nil
		},
	}}), blobs
}

type open struct{ io.Writer }

func (open) Close() error { return nil }

// visit is let in by a helper that runs, and by nobody else.
func (d *disk) visit(ctx context.Context, s store.Session, run int, do func(context.Context) error) error {
	if w, ok := d.rt.Show(s.ID); !ok || !w.Helper || w.State != runtime.Up || w.Run != run {
		return fmt.Errorf("no helper answers: %+v", w)
	}
	return do(ctx)
}

func (d *disk) pack(_ context.Context, id, what string, _ url.Values) (io.ReadCloser, error) {
	if err := d.burn(); err != nil {
		return nil, err
	}
	name := map[string]string{wire.PackWorkspace: "workspace", wire.PackContext: "home"}[what]
	if name == "" {
		name = strings.TrimPrefix(what, wire.PackVolume)
	}
	text, ok := d.holds()[id+"/"+name]
	if !ok {
		return nil, fmt.Errorf("there is no volume %s", name)
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(text), burning{d})), nil
}

// burning ends a stream, or the process.
type burning struct{ *disk }

func (b burning) Read([]byte) (int, error) {
	if err := b.burn(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// unpack is killed with half of it written.
func (d *disk) unpack(_ context.Context, id, what, _ string, r io.Reader) error {
	all, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	volume := id + "/" + strings.TrimPrefix(what, wire.PackVolume)
	d.mu.Lock()
	d.refresh()
	if d.content[volume] != "" {
		d.mu.Unlock()
		return errors.New("there is something already")
	}
	d.content[volume] = string(all[:len(all)/2])
	d.mu.Unlock()
	if err := d.burn(); err != nil {
		return err
	}
	d.mu.Lock()
	d.content[volume] = string(all)
	d.mu.Unlock()
	return d.burn()
}

// begin starts a daemon with the real chronicles.
func (d *disk) begin(t *testing.T) (*life, *blob.Blobs) {
	t.Helper()
	var blobs *blob.Blobs
	l := d.daemon(func(o *Options) {
		var book *chronicle.Chronicles
		book, blobs = d.packing(t, o.DB)
		o.Opened, o.Completed, o.Archive, o.Restore = book.Opened, book.Completed, book.Archive, book.Restore
	})
	return l, blobs
}

// Stopping with a snapshot by a helper, archiving and restoring are killed at
// every effect. At that moment either the volumes or a whole archive are there,
// and in the end the owner gets what was asked for.
func TestPackingIsKilledAtEveryEffect(t *testing.T) {
	var deaths atomic.Int32
	t.Cleanup(func() {
		if deaths.Load() < 90/thin {
			t.Errorf("only %d deaths", deaths.Load())
		}
		t.Logf("%d deaths", deaths.Load())
	})
	for disaster, strike := range map[string]func(*world){
		"":                     func(*world) {},
		" and the machine too": func(w *world) { w.rt.Reboot(255) },
	} {
		for _, phase := range []string{"stop", "archive", "restore"} {
			t.Run(phase+disaster, func(t *testing.T) {
				t.Parallel()
				for n, died := 0, true; died; n += thin {
					died = packingKilledAt(t, n, phase, strike)
					deaths.Add(1)
				}
			})
		}
	}
}

func packingKilledAt(t *testing.T, n int, phase string, strike func(*world)) (died bool) {
	inWorld(t, fake.Options{KeepEnded: n%2 == 0}, func(t *testing.T, w *world) {
		where := fmt.Sprintf("%s killed at effect %d", phase, n)
		d := &disk{world: w, dir: filepath.Join(t.TempDir(), "blobs"), content: map[string]string{}}
		l, _ := d.begin(t)
		l.create("a")
		time.Sleep(10 * time.Second)
		l.is("a", store.Running)
		maps.Copy(d.content, lived)
		wish := func(l *life, phase string) {
			switch s, _ := l.row("a"); {
			case phase == "stop" && s.Want == store.WantRunning:
				l.wish("a", store.WantStopped)
			case phase == "archive" && s.Want != store.WantArchived:
				l.wish("a", store.WantArchived)
			case phase == "restore" && s.Want == store.WantArchived:
				l.wish("a", store.WantStopped, store.FromRestore...)
			}
		}
		state := map[string]store.State{"stop": store.Stopped, "archive": store.Archived, "restore": store.Stopped}
		for _, before := range []string{"stop", "archive", "restore"} {
			if before == phase {
				break
			}
			wish(l, before)
			time.Sleep(time.Minute)
			l.is("a", state[before])
		}
		b := &bomb{left: n, dead: make(chan struct{})}
		wish(l, phase)
		w.arm(b)
		select {
		case <-b.dead:
		case <-time.After(time.Minute):
		}
		l.end()
		died = b.left < 0
		w.arm(nil)
		strike(w)

		db, err := store.Open(w.path)
		if err != nil {
			t.Fatal(err)
		}
		row, err := db.SystemSession(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		_, blobs := d.packing(t, db)
		if row.Archive == "" && !maps.Equal(d.holds(), lived) {
			t.Errorf("%s: no archive, and the volumes hold %v", where, d.holds())
		}
		if row.Archive != "" {
			whole(t, where, db, blobs, row)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)

		l, blobs = d.begin(t)
		defer l.end()
		wish(l, phase)
		time.Sleep(10 * time.Minute)
		s := l.is("a", state[phase])
		shown, there := w.rt.Show("a")
		switch {
		case phase == "archive" && there:
			t.Errorf("%s: %+v is left", where, shown)
		case phase == "archive":
			whole(t, where, l.db, blobs, s)
		case shown.State != runtime.Down && there:
			t.Errorf("%s: %+v runs", where, shown)
		case !maps.Equal(d.holds(), lived):
			t.Errorf("%s: the volumes hold %v", where, d.holds())
		}
		c, err := l.db.ChronicleOfRun(t.Context(), "a", 1)
		if err != nil || c.Status != "complete" || c.Workspace == "" || c.Context == "" || c.Missing != "" {
			t.Errorf("%s: the chronicle: %+v, %v", where, c, err)
		}
		if err := blobs.Verify(t.Context(), blob.Owner{UserID: owner.UserID, TenantID: owner.TenantID}, c.Workspace); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		l.books("a")
	})
	return died
}

// whole checks an archive from end to end.
func whole(t *testing.T, where string, db *store.DB, blobs *blob.Blobs, s store.Session) {
	t.Helper()
	of := blob.Owner{UserID: owner.UserID, TenantID: owner.TenantID}
	if err := blobs.Verify(t.Context(), of, s.Archive); err != nil {
		t.Errorf("%s: the manifest: %v", where, err)
	}
	unused, err := db.UnusedBlobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := db.Blobs(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, b := range all {
		if err := blobs.Verify(t.Context(), of, b.Digest); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		used++
	}
	if used -= len(unused); used < 4 { // the manifest and three volumes
		t.Errorf("%s: only %d packs are in use", where, used)
	}
}

// A run that was lost with the machine is told and packed before its session is
// started again; one that cannot be packed says why.
func TestALostRunIsPackedBeforeTheNextBegins(t *testing.T) {
	for _, broken := range []bool{false, true} {
		inWorld(t, fake.Options{KeepEnded: true}, func(t *testing.T, w *world) {
			d := &disk{world: w, dir: filepath.Join(t.TempDir(), "blobs"), content: map[string]string{}}
			l, _ := d.begin(t)
			l.create("a")
			time.Sleep(10 * time.Second)
			l.end()
			w.rt.Reboot(255)
			if !broken {
				maps.Copy(d.content, lived)
			}
			l, _ = d.begin(t)
			defer l.end()
			time.Sleep(time.Minute)
			s := l.is("a", store.Running)
			c, err := l.db.ChronicleOfRun(t.Context(), "a", 1)
			if err != nil || s.Run != 2 || c.Status != "complete" || (c.Workspace != "") == broken || (c.Missing != "") != broken {
				t.Errorf("broken %v: run %d, %+v, %v", broken, s.Run, c, err)
			}
			if w, _ := w.rt.Show("a"); w.Helper || w.State != runtime.Up || w.Run != 2 {
				t.Errorf("%+v", w)
			}
		})
	}
}
