package engine

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

func unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

var (
	noon  = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	long  = noon.Add(-time.Hour)
	soon  = noon.Add(7 * time.Second)
	ready = wire.Health{Agent: true, Editor: true, Terminal: true}
)

// facts of a row, by what they mean.
func facts(change ...func(*store.Session)) store.Session {
	s := store.Session{ID: "s", Kind: "session"}
	for _, c := range change {
		c(&s)
	}
	return s
}

func run(n, told int) func(*store.Session) {
	return func(s *store.Session) { s.Run, s.ChronicledRun = n, told }
}
func submitted(at time.Time) func(*store.Session) {
	return func(s *store.Session) { s.SubmittedAt = at }
}
func answered(s *store.Session)  { s.ReadyAt = noon.Add(-time.Minute) }
func failed(s *store.Session)    { s.Failure = &store.Failure{Reason: "broken"} }
func packed(s *store.Session)    { s.Archive = "sha256" }
func spent(s *store.Session)     { s.Attempts = maxAttempts }
func waiting(s *store.Session)   { s.RetryAt, s.Attempts = soon, 2 }
func newborn(s *store.Session)   { s.RetryAt, s.Attempts = soon, 1 }
func endedFact(s *store.Session) { s.Ended = &store.Ended{Part: "editor", ExitCode: 9, At: long} }
func sandbox(until time.Time) func(*store.Session) {
	return func(s *store.Session) { s.Kind, s.ExpiresAt = "sandbox", until }
}

func lives(until time.Time) func(*store.Session) {
	return func(s *store.Session) { s.ExpiresAt = until }
}
func wished(at time.Time) func(*store.Session) { return func(s *store.Session) { s.WantedAt = at } }

// sights of a workload, by what they mean.
func absent() sight { return sight{since: long} }
func volumes() sight {
	return sight{here: true, since: long, Workload: runtime.Workload{ID: "s", State: runtime.Down, Volumes: []string{"home"}}}
}

func parts(run int, state runtime.State, ps ...runtime.PartStatus) sight {
	v := volumes()
	v.Run, v.State, v.Parts = run, state, ps
	return v
}

func alivePart(name string) runtime.PartStatus {
	return runtime.PartStatus{Name: name, Running: true, Started: long}
}
func dead(name string, code int) runtime.PartStatus {
	return runtime.PartStatus{Name: name, Started: long, Finished: noon.Add(-time.Second), ExitCode: code}
}
func up(run int) sight {
	return parts(run, runtime.Up, alivePart("agent"), alivePart("broker"))
}
func half(run int, ps ...runtime.PartStatus) sight {
	return parts(run, runtime.Partial, append(ps, alivePart("broker"))...)
}
func down(run int, ps ...runtime.PartStatus) sight { return parts(run, runtime.Down, ps...) }
func watched(s sight) sight                        { s.watched = true; return s }
func over(at time.Time, s sight) sight             { s.over = at; return s }
func heard(h wire.Health, s sight) sight           { s.health, s.known = h, true; return s }
func viewed(since time.Time, s sight) sight        { s.since = since; return s }

func helper(s sight) sight { s.Helper = true; return s }

func TestNext(t *testing.T) {
	const timeout = 5 * time.Minute
	killed := down(1, dead("agent", 137), dead("broker", 255))
	oom := dead("agent", 137)
	oom.OOMKilled = true
	neverRan := runtime.PartStatus{Name: "agent"}
	row := func(cs ...func(*store.Session)) store.Session { return facts(cs...) }
	open, started := run(1, 0), submitted(noon.Add(-time.Minute))
	for _, c := range []struct {
		name  string
		want  store.Want
		facts store.Session
		seen  sight
		state store.State
		deed  deed
		wake  time.Time
		says  string // reason of a chronicle or a failure, or its beginning
		soon  bool   // it is said that its time is nearly over
	}{
		// Nothing asked for.
		{name: "fresh", want: store.WantNone, facts: row(), seen: absent(), state: store.Created},
		{name: "fresh, but something runs", want: store.WantNone, facts: row(), seen: up(3), state: store.Stopping, deed: stop},

		// The way to RUNNING.
		{name: "first start", want: store.WantRunning, facts: row(), seen: absent(), state: store.Starting, deed: begin},
		{name: "next start", want: store.WantRunning, facts: row(run(2, 2), started, answered), seen: volumes(), state: store.Starting, deed: begin},
		{name: "the last run still runs", want: store.WantRunning, facts: row(run(2, 2), started, answered), seen: up(2), state: store.Starting, deed: begin},
		{name: "counted", want: store.WantRunning, facts: row(open), seen: absent(), state: store.Starting, deed: start},
		{name: "counted, volumes of before", want: store.WantRunning, facts: row(run(2, 1)), seen: volumes(), state: store.Starting, deed: start},
		{name: "counted, containers of before", want: store.WantRunning, facts: row(run(2, 1)), seen: up(1), state: store.Starting, deed: start},
		{name: "refused a while ago", want: store.WantRunning, facts: row(open, waiting), seen: absent(), state: store.Starting, wake: soon},
		{name: "refused too often", want: store.WantRunning, facts: row(open, spent), seen: absent(), state: store.Stopping, deed: fail, says: "The session could not be started in 5 attempts"},
		{name: "refused too often, yet it is up", want: store.WantRunning, facts: row(open, started, spent), seen: up(1), state: store.Provisioning, wake: noon.Add(4 * time.Minute)},
		{name: "submitted, nothing there", want: store.WantRunning, facts: row(open, started), seen: absent(), state: store.Provisioning, deed: start},
		{name: "submitted, half there", want: store.WantRunning, facts: row(open, started), seen: half(1, neverRan), state: store.Provisioning, deed: start},
		{name: "submitted, old containers", want: store.WantRunning, facts: row(run(2, 1), started), seen: up(1), state: store.Provisioning, deed: start},
		{name: "up, not answering yet", want: store.WantRunning, facts: row(open, started), seen: up(1), state: store.Provisioning, wake: noon.Add(4 * time.Minute)},
		{name: "answers", want: store.WantRunning, facts: row(open, started, answered), seen: up(1), state: store.Running},
		{name: "answers, unhealthy later", want: store.WantRunning, facts: row(open, started, answered), seen: heard(wire.Health{Failed: true}, up(1)), state: store.Running},
		{name: "not answered in time", want: store.WantRunning, facts: row(open, submitted(noon.Add(-timeout))), seen: heard(wire.Health{Agent: true, Terminal: true}, up(1)), state: store.Stopping, deed: fail, says: "The editor did not answer within 5 minutes."},
		{name: "not answered in time, with what it says", want: store.WantRunning, facts: row(open, submitted(noon.Add(-timeout))), seen: heard(wire.Health{Agent: true, Editor: true, Detail: "ttyd is missing."}, up(1)), state: store.Stopping, deed: fail, says: "The terminal did not answer within 5 minutes (ttyd is missing)."},
		{name: "not even the broker", want: store.WantRunning, facts: row(open, submitted(noon.Add(-timeout))), seen: up(1), state: store.Stopping, deed: fail, says: "The broker did not answer"},
		{name: "one moment before", want: store.WantRunning, facts: row(open, submitted(noon.Add(-timeout+time.Millisecond))), seen: up(1), state: store.Provisioning, wake: noon.Add(time.Millisecond)},
		{name: "setup scripts take what they take", want: store.WantRunning, facts: row(open, submitted(noon.Add(-2*timeout))), seen: heard(wire.Health{Setup: true}, up(1)), state: store.Provisioning, wake: noon.Add(setupTimeout - 2*timeout)},
		{name: "but not for ever", want: store.WantRunning, facts: row(open, submitted(noon.Add(-setupTimeout))), seen: heard(wire.Health{Setup: true}, up(1)), state: store.Stopping, deed: fail, says: "The agent did not answer within 60 minutes."},
		{name: "nobody was looking meanwhile", want: store.WantRunning, facts: row(open, submitted(long)), seen: viewed(noon.Add(-time.Second), up(1)), state: store.Provisioning, wake: noon.Add(timeout - time.Second)},
		{name: "will never answer", want: store.WantRunning, facts: row(open, started), seen: heard(wire.Health{Failed: true, Detail: "The branch main does not exist."}, up(1)), state: store.Stopping, deed: fail, says: "The branch main does not exist."},

		// What ends by itself.
		{name: "ended before it answered", want: store.WantRunning, facts: row(open, started), seen: half(1, dead("agent", 3)), state: store.Stopping, deed: fail, says: "The agent ended before the session was ready (exit code 3)."},
		{name: "ended with 0 before it answered", want: store.WantRunning, facts: row(open, started), seen: half(1, dead("agent", 0)), state: store.Stopping, deed: fail, says: "The agent ended before the session was ready (exit code 0)."},
		{name: "ended while running", want: store.WantRunning, facts: row(open, started, answered), seen: half(1, dead("editor", 1)), state: store.Stopping, deed: fail, says: "The editor ended while the session was running (exit code 1)."},
		{name: "killed alone, unwatched", want: store.WantRunning, facts: row(open, started, answered), seen: half(1, dead("agent", 137)), state: store.Stopping, deed: fail, says: "The agent ended while"},
		{name: "out of memory", want: store.WantRunning, facts: row(open, started, answered), seen: half(1, oom), state: store.Stopping, deed: fail, says: "The agent ran out of memory"},
		{name: "noted and not yet told", want: store.WantRunning, facts: row(open, started, answered, endedFact), seen: up(1), state: store.Stopping, deed: fail, says: "The editor ended while the session was running (exit code 9)."},
		{name: "removed behind our back", want: store.WantRunning, facts: row(open, started, answered), seen: volumes(), state: store.Stopping, deed: fail, says: "Containers of the session were removed"},
		{name: "a part removed behind our back", want: store.WantRunning, facts: row(open, started, answered), seen: half(1), state: store.Stopping, deed: fail, says: "Containers of the session were removed"},

		// Lost with the machine.
		{name: "all killed while nobody watched", want: store.WantRunning, facts: row(open, started, answered), seen: killed, state: store.Starting, deed: complete, says: "lost with the machine"},
		{name: "all killed before they answered", want: store.WantRunning, facts: row(open, started), seen: killed, state: store.Starting, deed: complete, says: "lost with the machine"},
		{name: "all killed in the middle of the start", want: store.WantRunning, facts: row(open, started), seen: down(1, neverRan, dead("broker", 255)), state: store.Starting, deed: complete, says: "lost with the machine"},
		{name: "ended by a shutdown", want: store.WantRunning, facts: row(open, started, answered), seen: down(1, dead("agent", 143)), state: store.Starting, deed: complete, says: "lost with the machine"},
		{name: "all killed while we watched", want: store.WantRunning, facts: row(open, started, answered), seen: watched(killed), state: store.Stopping, deed: fail, says: "The "},
		{name: "all killed while we watched, just now", want: store.WantRunning, facts: row(open, started, answered), seen: over(noon, watched(killed)), state: store.Running, wake: noon.Add(doubt)},
		{name: "all killed while we watched, before they answered", want: store.WantRunning, facts: row(open, started), seen: over(noon, watched(killed)), state: store.Provisioning, wake: noon.Add(doubt)},
		{name: "one killed while we watched, just now", want: store.WantRunning, facts: row(open, started, answered), seen: over(noon, watched(half(1, dead("agent", 137)))), state: store.Running, wake: noon.Add(doubt)},
		{name: "one killed while we watched", want: store.WantRunning, facts: row(open, started, answered), seen: watched(half(1, dead("agent", 137))), state: store.Stopping, deed: fail, says: "The agent ended"},
		{name: "one ended by itself, just now", want: store.WantRunning, facts: row(open, started, answered), seen: over(noon, watched(half(1, dead("agent", 1)))), state: store.Stopping, deed: fail, says: "The agent ended"},
		{name: "all ended, one by itself", want: store.WantRunning, facts: row(open, started, answered), seen: down(1, dead("agent", 1), dead("broker", 255)), state: store.Stopping, deed: fail, says: "The agent ended while"},
		{name: "all ended with 0", want: store.WantRunning, facts: row(open, started, answered), seen: down(1, dead("agent", 0), dead("broker", 0)), state: store.Stopping, deed: fail, says: "The agent ended while"},
		{name: "all ended, one out of memory", want: store.WantRunning, facts: row(open, started, answered), seen: down(1, oom, dead("broker", 255)), state: store.Stopping, deed: fail, says: "The agent ran out of memory"},
		{name: "lost and told", want: store.WantRunning, facts: row(run(1, 1), started, answered), seen: killed, state: store.Starting, deed: begin},

		// A database older than the containers.
		{name: "a run that no row knows", want: store.WantRunning, facts: row(open, started, answered), seen: up(4), state: store.Starting, deed: complete, says: "its containers belong to a run"},
		{name: "the same, told", want: store.WantRunning, facts: row(run(1, 1), started, answered), seen: up(4), state: store.Starting, deed: begin},

		// FAILED.
		{name: "failed, something runs", want: store.WantRunning, facts: row(open, started, failed), seen: half(1, dead("agent", 1)), state: store.Stopping, deed: stop},
		{name: "failed, the stop was refused", want: store.WantRunning, facts: row(open, started, failed, waiting), seen: up(1), state: store.Stopping, wake: soon},
		{name: "failed, all ended", want: store.WantRunning, facts: row(open, started, failed), seen: down(1, dead("agent", 1)), state: store.Stopping, deed: complete, says: "broken"},
		{name: "failed and told", want: store.WantRunning, facts: row(run(1, 1), started, failed), seen: down(1, dead("agent", 1)), state: store.Failed},
		{name: "failed, nothing was there", want: store.WantRunning, facts: row(run(1, 1), failed), seen: absent(), state: store.Failed},
		{name: "failed, somebody revives it", want: store.WantRunning, facts: row(run(1, 1), failed), seen: up(1), state: store.Stopping, deed: stop},

		// The way to STOPPED.
		{name: "stop", want: store.WantStopped, facts: row(open, started, answered), seen: up(1), state: store.Stopping, deed: stop},
		{name: "stop what starts", want: store.WantStopped, facts: row(open, started), seen: half(1), state: store.Stopping, deed: stop},
		{name: "stop what has another run", want: store.WantStopped, facts: row(open, started), seen: up(3), state: store.Stopping, deed: stop},
		{name: "stop was refused", want: store.WantStopped, facts: row(open, started, waiting), seen: up(1), state: store.Stopping, wake: soon},
		{name: "stop is tried for ever", want: store.WantStopped, facts: row(open, started, spent), seen: up(1), state: store.Stopping, deed: stop},
		{name: "ended, not told", want: store.WantStopped, facts: row(open, started, answered), seen: down(1, dead("agent", 143)), state: store.Stopping, deed: complete, says: "stopped"},
		{name: "volumes, not told", want: store.WantStopped, facts: row(open, started, answered), seen: volumes(), state: store.Stopping, deed: complete, says: "stopped"},
		{name: "stopped", want: store.WantStopped, facts: row(run(1, 1), started, answered), seen: volumes(), state: store.Stopped},
		{name: "its time will be over", want: store.WantRunning, facts: row(open, started, answered, lives(noon.Add(time.Hour))), seen: up(1), state: store.Running, wake: noon.Add(50 * time.Minute)},
		{name: "soon, of a long life", want: store.WantRunning, facts: row(open, started, answered, lives(noon.Add(9*time.Minute)), func(s *store.Session) { s.ReadyAt = long }), seen: up(1), state: store.Running, wake: noon.Add(9 * time.Minute), soon: true},
		{name: "soon, of a short one", want: store.WantRunning, facts: row(open, started, answered, lives(soon)), seen: up(1), state: store.Running, wake: soon, soon: true},
		{name: "its time is over", want: store.WantRunning, facts: row(open, started, answered, lives(noon)), seen: up(1), state: store.Stopping, deed: lapse},
		{name: "it was over before somebody looked", want: store.WantRunning, facts: row(open, started, answered, lives(long)), seen: killed, state: store.Stopping, deed: lapse},
		{name: "over, and failed before", want: store.WantRunning, facts: row(run(1, 1), failed, lives(long)), seen: volumes(), state: store.Failed},
		{name: "over, and stopped for that", want: store.WantStopped, facts: row(open, started, answered, lives(long), wished(noon)), seen: up(1), state: store.Stopping, deed: stop},
		{name: "over, ended, not told", want: store.WantStopped, facts: row(open, started, answered, lives(long), wished(noon)), seen: volumes(), state: store.Stopping, deed: complete, says: "its time to live was over"},
		{name: "stopped before its time was over", want: store.WantStopped, facts: row(open, started, answered, lives(soon), wished(noon)), seen: volumes(), state: store.Stopping, deed: complete, says: "stopped"},
		{name: "stopped before it began", want: store.WantStopped, facts: row(), seen: absent(), state: store.Stopped},
		{name: "stopped, somebody revives it", want: store.WantStopped, facts: row(run(1, 1)), seen: up(1), state: store.Stopping, deed: stop},

		// The way to ARCHIVED and back.
		{name: "archive what runs", want: store.WantArchived, facts: row(open, started, answered), seen: up(1), state: store.Stopping, deed: stop},
		{name: "archive, not told", want: store.WantArchived, facts: row(open, started, answered), seen: volumes(), state: store.Stopping, deed: complete, says: "archived"},
		{name: "archive", want: store.WantArchived, facts: row(run(1, 1)), seen: volumes(), state: store.Stopped, deed: archive},
		{name: "packed, volumes there", want: store.WantArchived, facts: row(run(1, 1), packed), seen: volumes(), state: store.Stopped, deed: remove},
		{name: "archived", want: store.WantArchived, facts: row(run(1, 1), packed), seen: absent(), state: store.Archived},
		{name: "restore", want: store.WantStopped, facts: row(run(1, 1), packed), seen: absent(), state: store.Archived, deed: restore},
		{name: "start what was packed meanwhile", want: store.WantRunning, facts: row(run(1, 1), packed), seen: volumes(), state: store.Starting, deed: restore},

		// Helpers.
		{name: "a helper was left running", want: store.WantStopped, facts: row(run(1, 1)), seen: helper(up(1)), state: store.Stopping, deed: stop},
		{name: "a helper was left at the end of a run", want: store.WantStopped, facts: row(open, started, answered), seen: helper(down(1, dead("broker", 137))), state: store.Stopping, deed: complete, says: "stopped"},
		{name: "a helper is no session that runs", want: store.WantRunning, facts: row(open, started, answered), seen: helper(up(1)), state: store.Stopping, deed: complete, says: "stopped"},
		{name: "a helper before a start", want: store.WantRunning, facts: row(open), seen: helper(up(1)), state: store.Starting, deed: start},
		{name: "a helper before a start that was cut", want: store.WantRunning, facts: row(open, started), seen: helper(down(1, dead("agent", 137))), state: store.Provisioning, deed: start},
		{name: "a helper of an archive that was cut", want: store.WantArchived, facts: row(run(1, 1)), seen: helper(up(1)), state: store.Stopping, deed: stop},
		{name: "a helper of a restore that was cut", want: store.WantStopped, facts: row(run(1, 1), packed), seen: helper(down(1, dead("agent", 143))), state: store.Archived, deed: restore},

		// The way out.
		{name: "delete what runs", want: store.WantGone, facts: row(open, started, answered), seen: up(1), state: store.Stopping, deed: remove},
		{name: "delete was refused", want: store.WantGone, facts: row(open, started, waiting), seen: volumes(), state: store.Stopping, wake: soon},
		{name: "delete is tried for ever", want: store.WantGone, facts: row(open, spent), seen: volumes(), state: store.Stopping, deed: remove},
		{name: "removed, not told", want: store.WantGone, facts: row(open, started), seen: absent(), state: store.Stopping, deed: complete, says: "deleted"},
		{name: "removed and told", want: store.WantGone, facts: row(run(1, 1)), seen: absent(), state: store.Stopping, deed: forget},
		{name: "delete what failed", want: store.WantGone, facts: row(run(1, 1), failed), seen: volumes(), state: store.Stopping, deed: remove},
		// Sandboxes.
		{name: "a sandbox runs", want: store.WantRunning, facts: row(open, started, answered, sandbox(soon)), seen: up(1), state: store.Running, wake: soon},
		{name: "a new sandbox is about to be started", want: store.WantRunning, facts: row(open, started, newborn, sandbox(soon.Add(time.Hour))), seen: absent(), state: store.Starting, wake: soon},
		{name: "what a cut off start has left goes, and is no start again", want: store.WantRunning, facts: row(open, started, waiting, sandbox(soon.Add(time.Hour))), seen: up(1), state: store.Stopping, wake: soon},
		{name: "the start of a sandbox was cut off", want: store.WantRunning, facts: row(open, started, sandbox(soon)), seen: up(1), state: store.Stopping, deed: remove},
		{name: "the start of a sandbox was cut off before it", want: store.WantRunning, facts: row(open, started, sandbox(soon)), seen: absent(), state: store.Stopping, deed: forget},
		{name: "a sandbox has ended", want: store.WantRunning, facts: row(open, started, answered, sandbox(soon)), seen: down(1, dead("agent", 0)), state: store.Stopping, deed: remove},
		{name: "a sandbox is gone", want: store.WantRunning, facts: row(open, started, answered, sandbox(soon)), seen: absent(), state: store.Stopping, deed: forget},
		{name: "a sandbox's time is over", want: store.WantRunning, facts: row(open, started, answered, sandbox(noon)), seen: up(1), state: store.Stopping, deed: remove},
		{name: "a sandbox that does not go is tried again", want: store.WantRunning, facts: row(open, answered, waiting, sandbox(noon)), seen: up(1), state: store.Stopping, wake: soon},
		{name: "an ended sandbox is forgotten", want: store.WantGone, facts: row(open, started, answered, sandbox(soon)), seen: absent(), state: store.Stopping, deed: forget},
	} {
		t.Run(c.name, func(t *testing.T) {
			state, act := rules{timeout: timeout, archives: true}.next(c.want, c.facts, c.seen, noon)
			if state != c.state || act.deed != c.deed || !act.wake.Equal(c.wake) {
				t.Errorf("%s, %s, wake %v; want %s, %s, wake %v", state, act.deed, act.wake, c.state, c.deed, c.wake)
			}
			says := act.reason
			if act.deed == fail {
				says = act.failure.Reason
			}
			if act.soon != c.soon {
				t.Errorf("soon: %v", act.soon)
			}
			if len(says) < len(c.says) || says[:len(c.says)] != c.says || (c.says == "") != (says == "") {
				t.Errorf("says %q, want %q", says, c.says)
			}
		})
	}
}

func TestNextKnowsNoArchiveWithoutOne(t *testing.T) {
	r := rules{timeout: time.Minute}
	for _, c := range []struct {
		want  store.Want
		facts store.Session
		state store.State
		deed  deed
	}{
		{store.WantArchived, facts(run(1, 1)), store.Stopped, nothing},
		{store.WantStopped, facts(run(1, 1), packed), store.Archived, nothing},
		{store.WantRunning, facts(run(1, 1), packed), store.Stopping, fail},
	} {
		if state, act := r.next(c.want, c.facts, volumes(), noon); state != c.state || act.deed != c.deed {
			t.Errorf("%s: %s, %s; want %s, %s", c.want, state, act.deed, c.state, c.deed)
		}
	}
}

// input is one of them.
type input struct {
	want  store.Want
	facts store.Session
	seen  sight
}

// everything is the product of all inputs that next can tell apart.
func everything(yield func(input) bool) {
	wants := []store.Want{store.WantNone, store.WantRunning, store.WantStopped, store.WantArchived, store.WantGone}
	options := [][]func(*store.Session){
		{run(0, 0), run(1, 0), run(1, 1), run(2, 1)},
		{submitted(time.Time{}), submitted(noon.Add(-time.Minute)), submitted(long)},
		{func(*store.Session) {}, answered},
		{func(*store.Session) {}, endedFact},
		{func(*store.Session) {}, failed},
		{func(*store.Session) {}, spent, waiting},
		{func(*store.Session) {}, packed},
		{func(*store.Session) {}, sandbox(soon), sandbox(long), lives(soon), lives(long)},
	}
	rows := []store.Session{facts()}
	for _, choice := range options {
		var more []store.Session
		for _, s := range rows {
			for _, c := range choice {
				n := s
				c(&n)
				more = append(more, n)
			}
		}
		rows = more
	}
	var seen []sight
	neverRan := runtime.PartStatus{Name: "agent"}
	for n := range 4 {
		seen = append(seen, up(n), half(n), half(n, neverRan), half(n, dead("agent", 1)), half(n, dead("agent", 137)),
			down(n, dead("agent", 137), dead("broker", 255)), down(n, dead("agent", 0)), down(n, neverRan))
	}
	for _, s := range seen {
		seen = append(seen, watched(s), over(noon, watched(s)), heard(ready, s), heard(wire.Health{Failed: true, Detail: "no"}, s))
	}
	seen = append(seen, absent(), volumes())
	for _, want := range wants {
		for _, s := range rows {
			for _, v := range seen {
				if !yield(input{want, s, v}) {
					return
				}
			}
		}
	}
}

// Whatever a crash leaves behind: next has an answer, the state on the row does
// not change it, and doing as it says leads to rest, in as few steps as a life
// has, through legal states only.
func TestNextLeadsOutOfEverything(t *testing.T) {
	r := rules{timeout: 5 * time.Minute, archives: true}
	n := 0
	for in := range everything {
		want, s, seen := in.want, in.facts, in.seen
		if n++; n%thin != 0 {
			continue
		}
		state, act := r.next(want, s, seen, noon)
		for _, shown := range []store.State{store.Created, store.Running, store.Failed} {
			other := s
			other.State = shown
			if st, a := r.next(want, other, seen, noon); st != state || a.deed != act.deed {
				t.Fatalf("%s %+v %+v: %s %s, but %s %s when the row says %s", want, s, seen, state, act.deed, st, a.deed, shown)
			}
		}
		if trail, ok := follow(r, want, s, seen); !ok {
			t.Fatalf("%s %+v %+v leads nowhere: %v", want, s, seen, trail)
		}
	}
	t.Logf("%d combinations", n)
}

// follow does as next says, every deed succeeding, until it says to rest.
func follow(r rules, want store.Want, s store.Session, seen sight) (trail []string, ok bool) {
	now := noon
	last := store.State("")
	for range 14 {
		state, act := r.next(want, s, seen, now)
		trail = append(trail, fmt.Sprintf("%s/%s", state, act.deed))
		if last != "" && state != last && !contains(legal[last], state) {
			return append(trail, "which is not legal"), false
		}
		last = state
		switch act.deed {
		case nothing:
			if now.Before(s.RetryAt) {
				now = s.RetryAt
				continue
			}
			if !act.wake.IsZero() && act.wake.Equal(seen.over.Add(doubt)) {
				now = act.wake
				continue
			}
			if state == store.Provisioning {
				seen.health, seen.known, s.ReadyAt = ready, true, now
				continue
			}
			return trail, atRest(want, s, state, seen)
		case begin:
			s.Run, s.ReadyAt, s.SubmittedAt, s.Ended, s.Failure, s.Attempts, s.RetryAt = max(s.Run, seen.Run)+1, time.Time{}, time.Time{}, nil, nil, 0, time.Time{}
		case lapse:
			want, s.WantedAt, s.Attempts, s.RetryAt = store.WantStopped, now, 0, time.Time{}
		case start:
			s.SubmittedAt, last = now, store.Provisioning
			seen = viewed(seen.since, watched(up(s.Run)))
		case stop:
			seen = viewed(seen.since, volumes())
		case remove:
			seen = absent()
		case complete:
			s.ChronicledRun = s.Run
		case fail:
			f := act.failure
			s.Failure, s.Attempts, s.RetryAt = &f, 0, time.Time{}
		case archive:
			s.Archive = "sha256"
		case restore:
			s.Archive, seen = "", volumes()
		case forget:
			return trail, !seen.here && (s.Run <= s.ChronicledRun || s.Kind == store.KindSandbox)
		}
	}
	return trail, false
}

func contains(all []store.State, s store.State) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}

// atRest reports whether all is as its owner wants it, or has failed for good.
func atRest(want store.Want, s store.Session, state store.State, seen sight) bool {
	told := s.Run <= s.ChronicledRun
	switch want {
	case store.WantNone:
		return !seen.runs() && told && (state == store.Created || state == store.Archived)
	case store.WantRunning:
		return state == store.Running && seen.State == runtime.Up && seen.Run == s.Run && (!told || s.Kind == store.KindSandbox) || state == store.Failed && !seen.runs() && told && s.Failure != nil
	case store.WantStopped:
		return state == store.Stopped && !seen.runs() && told && s.Archive == ""
	case store.WantArchived:
		return state == store.Archived && !seen.here && told && s.Archive != ""
	}
	return false
}

func TestBackoff(t *testing.T) {
	var got []time.Duration
	for n := range 10 {
		got = append(got, backoff(n)/time.Second)
	}
	if diff := cmp.Diff([]time.Duration{2, 2, 4, 8, 16, 32, 60, 60, 60, 60}, got); diff != "" {
		t.Error(diff)
	}
}
