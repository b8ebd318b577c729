package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// slain is a session whose ends are all cut short.
type slain struct {
	*product
	m     *model.Server
	id    string
	n     int // runs asked of
	state string
}

// TestEveryKillOfAChronicle kills the daemon and containers at every step of
// stop, archive, restore and reforge: each run has one whole chronicle, nothing
// is lost, and what was wanted comes true.
func TestEveryKillOfAChronicle(t *testing.T) {
	m, env := provider(t)
	var hesitates atomic.Bool // the agent is slow with its last words
	m.Rule(model.Rule{
		Match: func(c model.Call) bool { return !c.IsResult && isLast(c.Text) },
		Reply: func(model.Call) model.Reply { return model.Reply{Text: model.LastWords, Slow: hesitates.Load()} },
	})
	p := install(t, env...)
	k := &slain{product: p, m: m}
	k.id = p.create(client.SessionCreate{Name: "slain", Source: &client.Source{Type: client.SourceGit, Repo: worked(t), Branch: "main"}}).ID
	p.ask(k.id, "run "+agentDeeds[2].line)
	p.inAgent(k.id, dirty+"; head -c 32M /dev/urandom > big.dat") // so that packing takes a moment
	k.state = p.state(k.id, true)

	asking := func() bool {
		s, err := p.client().Get(t.Context(), k.id)
		return err == nil && s.CanHurry && m.Streams() > 0
	}
	going := func() bool { n := parts(t, k.id); return n > 0 && n < 4 }
	for _, b := range []struct {
		what  string
		sign  func() bool
		slow  bool
		hit   func()
		words string // whose
	}{
		{"the daemon is killed while the agent is asked", asking, true, p.anew, ""},
		{"the broker is killed while the agent is asked", asking, true, func() { slay(t, k.id, "broker") }, "rule"},
		{"the daemon is killed while the snapshot is packed", p.packing, false, p.anew, "agent"},
		{"the agent is killed while it is asked", asking, true, func() { slay(t, k.id, "agent") }, "rule"},
		{"the broker is killed while the snapshot is packed", p.packing, false, func() { slay(t, k.id, "broker") }, "agent"},
		{"the agent is killed while the snapshot is packed", p.packing, false, func() { slay(t, k.id, "agent") }, "agent"},
		{"the daemon is killed while containers go", going, false, p.anew, "agent"},
	} {
		k.run(b.what)
		if hesitates.Store(b.slow); b.slow {
			m.Pause()
		}
		p.under(func(c *client.Client) error { _, err := c.Stop(t.Context(), k.id); return err }, b.what, b.sign, func() {
			b.hit()
			m.Resume()
		})
		k.ended(b.what, client.Stopped, b.words)
	}
	hesitates.Store(false)
	k.archives()
	k.reforges()
}

// run has the session run and something said in it.
func (k *slain) run(what string) {
	k.t.Helper()
	if k.n++; k.n > 1 {
		k.startAgain(k.id)
	}
	k.ask(k.id, "before "+what)
}

// ended waits until the session is in a state at rest, and looks at its record.
func (k *slain) ended(what, state, words string) {
	k.t.Helper()
	k.awaitState(k.id, state)
	all := k.oneEach(k.id)
	c := all[len(all)-1]
	if len(all) != k.n || !c.Pack || c.Agent != "claude" || words != "" && c.Author != words {
		k.t.Errorf("%s: chronicle %d of %d by %s, snapshot %t %q, context of %q", what, len(all), k.n, c.Author, c.Pack, c.Missing, c.Agent)
	}
	if !slices.ContainsFunc(k.timeline(c.ID).Events, func(e client.TimelineEvent) bool { return e.Kind == "turn" && strings.Contains(e.Text, what) }) {
		k.t.Errorf("%s: the timeline lost what was said", what)
	}
	if parts(k.t, k.id) > 0 {
		k.t.Errorf("%s: the session is %s, and containers run", what, state)
	}
	k.t.Logf("%s: %s, words by %s", what, c.Reason, c.Author)
}

// archives: the volumes or a whole archive are there, whatever is killed.
func (k *slain) archives() {
	k.t.Helper()
	want := volumes(k.t, k.id)
	archive := func(c *client.Client) error { _, err := c.Archive(k.t.Context(), k.id); return err }
	restore := func(c *client.Client) error { _, err := c.Restore(k.t.Context(), k.id); return err }
	for _, b := range []struct {
		what    string
		archive bool
		sign    func() bool
		hit     func()
	}{
		{"the daemon is killed while volumes are packed", true, k.packing, k.anew},
		{"the daemon is killed while volumes are unpacked", false, func() bool { return stores(k.t, k.id) > 0 }, k.anew},
		{"the helper is killed while volumes are packed", true, k.packing, func() { slay(k.t, k.id, "broker") }},
		{"the helper is killed while volumes are unpacked", false, func() bool { return parts(k.t, k.id) > 0 && stores(k.t, k.id) > 2 }, func() { slay(k.t, k.id, "broker") }},
		{"the helper's runner is killed while volumes are packed", true, k.packing, func() { slay(k.t, k.id, "agent") }},
		{"the helper's runner is killed while volumes are unpacked", false, func() bool { return parts(k.t, k.id) > 1 && stores(k.t, k.id) > 2 }, func() { slay(k.t, k.id, "agent") }},
		{"the daemon is killed while volumes go", true, func() bool { return stores(k.t, k.id) < 3 }, k.anew},
	} {
		call, state := restore, client.Stopped
		if b.archive {
			call, state = archive, client.Archived
		}
		k.under(call, b.what, b.sign, b.hit)
		k.awaitState(k.id, state)
		k.oneEach(k.id)
		if left := k.leftovers(k.id); b.archive && left != "" {
			k.t.Errorf("%s: an archived session has %s", b.what, left)
		}
		if b.archive {
			continue
		}
		if d := cmp.Diff(want, volumes(k.t, k.id)); d != "" {
			k.t.Fatalf("%s: the volumes (-were +are):\n%s", b.what, d)
		}
	}
	if err := restore(k.client()); err != nil {
		k.t.Fatal(err)
	}
	if d := cmp.Diff(want, volumes(k.t, k.id)); d != "" {
		k.t.Fatalf("the volumes after all (-were +are):\n%s", d)
	}
}

// reforges: of one that was cut off nothing is left, or it comes up whole.
func (k *slain) reforges() {
	k.t.Helper()
	k.run("reforges")
	if got := k.product.state(k.id, true); got != k.state {
		k.t.Errorf("after all the kills (-was +is):\n%s", cmp.Diff(k.state, got))
	}
	name := ""
	forge := func(c *client.Client) error {
		_, err := c.Reforge(k.t.Context(), k.id, client.Reforge{Name: name})
		return err
	}
	made := func() (s client.Session) {
		all, err := k.client().List(k.t.Context(), client.ListOptions{})
		if err != nil {
			return s
		}
		for _, s := range all {
			if s.Name == name {
				return s
			}
		}
		return s
	}
	name = "cut"
	if err := k.under(forge, "a reforge packs", k.packing, k.anew); err == nil {
		k.t.Error("a reforge that was cut off says that it was done")
	}
	if s := made(); s.ID != "" {
		k.t.Errorf("of a reforge that was cut off there is a session that is %s", s.Status)
	}
	k.oneEach(k.id)
	want := k.product.state(k.id, false)
	for i, b := range []struct {
		part string // that has to run, and is killed unless it is the daemon that is
		hit  func(id, part string)
	}{
		{"broker", func(string, string) { k.anew() }},
		{"broker", func(id, part string) { slay(k.t, id, part) }},
		{"agent", func(id, part string) { slay(k.t, id, part) }}, // the runner, which unpacks
	} {
		name = fmt.Sprintf("forged-%d", i)
		k.under(forge, "a reforged session begins", func() bool {
			s := made()
			return s.ID != "" && s.Status != client.Running && parts(k.t, s.ID) > 1 && has(k.t, s.ID, b.part)
		}, func() { b.hit(made().ID, b.part) })
		id := made().ID
		k.eventually(limit, "the reforged session runs, or says why not", func() bool {
			s, err := k.client().Get(k.t.Context(), id)
			return err == nil && (s.Status == client.Running || s.Status == client.Failed && s.Failure != nil && s.Failure.Reason != "")
		})
		if s := made(); s.Status == client.Failed {
			k.t.Logf("%s: %s", name, s.Failure.Reason)
			k.startAgain(id)
		}
		k.oneEach(id)
		if d := cmp.Diff(want, k.product.state(id, false)); d != "" {
			k.t.Errorf("%s: the workspace (-of the first +here):\n%s", name, d)
		}
		if c := k.oneEach(id)[0]; i == 0 && (c.ParentChronicleID == nil || *c.ParentChronicleID != k.lastChronicle(k.id).ID) {
			k.t.Errorf("%s continues %s", name, client.Deref(c.ParentChronicleID))
		}
		k.ask(id, "what was there before, "+name+"?")
		if !remembers(k.m, "what was there before, "+name+"?", "before reforges") {
			k.t.Errorf("%s does not remember", name)
		}
		if err := k.client().Delete(k.t.Context(), id); err != nil {
			k.t.Fatal(err)
		}
	}
}
