package e2e

import (
	"slices"
	"time"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// lastTurn is the longest that the agent's last turn may take, with what ending
// it takes.
const lastTurn = 30*time.Second + 6*time.Second

// ends: an agent that does not answer holds a stop up for its last turn at most,
// and not at all when its owner says so.
func (s *tale) ends() {
	s.t.Helper()
	c := s.client()
	s.startAgain(s.id)
	s.ask(s.id, "a run that ends late")
	s.stop(s.id)
	if took := s.lastTurnOf(s.id); took > lastTurn || took < 20*time.Second {
		s.t.Errorf("the last turn of an agent that does not answer took %s", took)
	}

	s.startAgain(s.id)
	s.ask(s.id, "a run that ends now")
	stopped := make(chan error, 1)
	go func() {
		_, err := c.Stop(s.t.Context(), s.id)
		stopped <- err
	}()
	s.soon("the agent is asked", func() bool {
		got, err := c.Get(s.t.Context(), s.id)
		return err == nil && got.CanHurry && got.Status == client.Stopping && s.m.Streams() == 0 && s.asksLast()
	})
	began := time.Now()
	if _, err := c.StopNow(s.t.Context(), s.id); err != nil {
		s.t.Fatal(err)
	}
	s.awaitState(s.id, client.Stopped)
	if took := time.Since(began); took > 20*time.Second {
		s.t.Errorf("stop now took %s", took)
	}
	if err := <-stopped; err != nil {
		s.t.Errorf("the first stop: %v", err)
	}
	for _, r := range s.oneEach(s.id)[2:] {
		if r.Author != "rule" || !r.Pack {
			s.t.Errorf("run %d, whose agent did not answer: words by %s, snapshot %t %q", r.Run, r.Author, r.Pack, r.Missing)
		}
	}
}

// asksLast reports whether the model was asked for the words of the last run.
func (s *tale) asksLast() bool {
	all := slices.DeleteFunc(s.m.Requests(), func(r model.Request) bool { return r.Side }) // a title may be asked for beside it
	return len(all) > 0 && isLast(all[len(all)-1].Text)
}

// lastTurnOf is how long the last turn of a session's last run took.
func (s *tale) lastTurnOf(id string) time.Duration {
	s.t.Helper()
	for _, e := range s.timeline(s.lastChronicle(id).ID).Events {
		if e.Kind == "turn" && e.Automatic {
			return time.Duration(e.DurationMS) * time.Millisecond
		}
	}
	s.t.Error("there was no last turn")
	return 0
}
