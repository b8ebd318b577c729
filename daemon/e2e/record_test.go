package e2e

import (
	"slices"
	"strings"
	"time"

	"volundr/ui/client"
)

// chronicles gives those of a session, the first run first.
func (p *product) chronicles(id string) []client.Chronicle {
	p.t.Helper()
	var all []client.Chronicle
	if err := p.client().Do(p.t.Context(), "GET", "/chronicles?limit=200&session_id="+id, nil, &all); err != nil {
		p.t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b client.Chronicle) int { return a.Run - b.Run })
	return all
}

// lastChronicle is that of a session's newest run.
func (p *product) lastChronicle(id string) client.Chronicle {
	p.t.Helper()
	all := p.chronicles(id)
	if len(all) == 0 {
		p.t.Fatal("there is no chronicle of session ", id)
	}
	return all[len(all)-1]
}

// timeline is all that was told of a run, with its texts.
func (p *product) timeline(chronicle string) client.Timeline {
	p.t.Helper()
	var t client.Timeline
	if err := p.client().Do(p.t.Context(), "GET", "/chronicles/"+chronicle+"/timeline?texts=true", nil, &t); err != nil {
		p.t.Fatal(err)
	}
	return t
}

// chain are the chronicles that one is a link of, the oldest first.
func (p *product) chain(chronicle string) (ids []string) {
	p.t.Helper()
	var all []client.Chronicle
	if err := p.client().Do(p.t.Context(), "GET", "/chronicles/"+chronicle+"/chain", nil, &all); err != nil {
		p.t.Fatal(err)
	}
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return ids
}

// stop has a session stopped and waits until it is.
func (p *product) stop(id string) {
	p.t.Helper()
	if _, err := p.client().Stop(p.t.Context(), id); err != nil {
		p.t.Fatal(err)
	}
	p.awaitState(id, client.Stopped)
}

// startAgain starts a session and waits until it runs.
func (p *product) startAgain(id string) {
	p.t.Helper()
	if _, err := p.client().Start(p.t.Context(), id); err != nil {
		p.t.Fatal(err)
	}
	p.awaitState(id, client.Running)
}

// reforge continues a chronicle in a new session and waits until it runs.
func (p *product) reforge(chronicle string, r client.Reforge) client.Session {
	p.t.Helper()
	s, err := p.client().Reforge(p.t.Context(), chronicle, r)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.awaitState(s.ID, client.Running)
}

// told waits until the timeline of a session's run tells of something.
func (p *product) told(id, what string, is func(client.TimelineEvent) bool) {
	p.t.Helper()
	p.eventually(60*time.Second, "the timeline tells of "+what, func() bool {
		return slices.ContainsFunc(p.timeline(p.lastChronicle(id).ID).Events, is)
	})
}

// oneEach checks that every run of a session has one chronicle, whole unless it
// is that of the run which goes on, and gives them.
func (p *product) oneEach(id string) []client.Chronicle {
	p.t.Helper()
	s, err := p.client().Get(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	all := p.chronicles(id)
	if len(all) != s.Run {
		p.t.Errorf("%d runs have %d chronicles", s.Run, len(all))
	}
	for i, c := range all {
		open := c.Run == s.Run && s.Status != client.Stopped && s.Status != client.Failed && s.Status != client.Archived
		switch {
		case c.Run != i+1:
			p.t.Errorf("chronicle %d is that of run %d", i+1, c.Run)
		case open && c.Status != "draft", !open && c.Status != "complete":
			p.t.Errorf("run %d of %s: its chronicle is %s", c.Run, s.Status, c.Status)
		case !open && (c.EndedAt == nil || c.Reason == "" || c.Author == "" || c.Summary == nil || strings.TrimSpace(*c.Summary) == ""):
			p.t.Errorf("run %d: a complete chronicle without end, reason or summary: %+v", c.Run, c)
		case !open && !c.Pack && c.Missing == "":
			p.t.Errorf("run %d has no snapshot, and nothing says why", c.Run)
		}
		if !open {
			if n := endings(p.timeline(c.ID)); n != 1 {
				p.t.Errorf("run %d ends %d times in its timeline", c.Run, n)
			}
		}
	}
	return all
}

// endings counts how often a run ends in its timeline.
func endings(t client.Timeline) (n int) {
	for _, e := range t.Events {
		if e.Kind == "end" {
			n++
		}
	}
	return n
}
