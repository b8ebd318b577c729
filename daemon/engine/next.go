package engine

import (
	"time"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// maxAttempts is how often a start that the runtime refuses is tried.
const maxAttempts = 5

// doubt is how long containers that were killed under our eyes may turn out to
// have gone with the machine: an engine or a host that shuts down ends its
// containers, one after the other, a moment before we lose sight of it.
const doubt = 5 * time.Second

// setupTimeout is the time to answer of a session in which setup scripts run:
// they may install and build.
const setupTimeout = time.Hour

// rules are what next knows beside facts and sight.
type rules struct {
	timeout  time.Duration // from submitted to answering
	archives bool          // archive and restore can be done
	idle     time.Duration // of a session that runs, until it is paused; 0: never
}

// sight is what the runtime shows of one session, and how well we look.
type sight struct {
	runtime.Workload      // zero when nothing of it is there
	here             bool // something of it is there
	// watched: this run was started or seen running since the view's last gap.
	// What ended without that may have been lost with the machine.
	watched bool
	since   time.Time   // the view has had no gap since then
	over    time.Time   // when we first saw that any of it had ended
	health  wire.Health // as the session itself says
	known   bool        // health was told

	active   time.Time // somebody or something was last in it then
	wanted   bool      // it is paused, and somebody was in it since
	measured time.Time // its programs' processor time was, with nobody in it
}

// runs reports whether any process of it is alive.
func (s sight) runs() bool { return s.here && s.State != runtime.Down }

// deed is what there is to do.
type deed int

const (
	nothing  deed = iota
	begin         // count a new run: facts only
	start         // image, spec, Runtime.Start; paid
	stop          // end politely, Runtime.Stop; paid
	remove        // Runtime.Remove; paid
	complete      // the run's chronicle
	fail          // read the last lines of the log, note the failure
	forget        // delete the row
	lapse         // its time is over: facts only
	archive       // pack the volumes, note the hash
	restore       // unpack them, clear the hash
	idle          // pause it, if its programs do nothing
	resume        // wake what is paused
)

func (d deed) String() string {
	return [...]string{"nothing", "begin", "start", "stop", "remove", "complete", "fail", "forget", "lapse", "archive", "restore", "pause", "wake"}[d]
}

// paid deeds are calls that the runtime may refuse: an attempt is committed
// before each.
func (d deed) paid() bool { return d == start || d == stop || d == remove }

// action is a deed with what it needs.
type action struct {
	deed
	failure store.Failure // of fail, without lines
	ended   *store.Ended  // a fact to note with the conclusion
	reason  string        // of complete
	at      time.Time     // of complete: when the run ended; of idle: since when it is
	wake    time.Time     // look again then at the latest; zero: no need
	rough   bool          // of stop: there is no run to end politely
	soon    bool          // its time is nearly over
}

// next is the whole state machine: what we conclude of a session and what to do
// for it, from what its owner wants, the facts on its row, and what is seen. The
// row's State is no input: whatever it says, everything follows from the rest.
func (r rules) next(want store.Want, s store.Session, seen sight, now time.Time) (store.State, action) {
	conclude := r.conclude
	if s.Kind == store.KindSandbox {
		conclude = r.life
	}
	state, act := conclude(want, s, seen, now)
	if act.paid() && now.Before(s.RetryAt) {
		act = action{wake: s.RetryAt}
	}
	return state, act
}

func (r rules) conclude(want store.Want, s store.Session, seen sight, now time.Time) (store.State, action) {
	open := s.Run > s.ChronicledRun
	switch {
	case want == store.WantGone && seen.here:
		return store.Stopping, action{deed: remove}
	case want == store.WantGone && open:
		return store.Stopping, told(s, reasonDeleted, now)
	case want == store.WantGone:
		return store.Stopping, action{deed: forget}
	case want == store.WantRunning && s.Failure == nil && s.Over(now):
		return store.Stopping, action{deed: lapse}
	case want == store.WantRunning && s.Failure == nil:
		return r.run(s, seen, now)

	// From here on nothing of it shall run.
	case seen.runs():
		return store.Stopping, action{deed: stop, rough: seen.Helper}
	case open && want == store.WantRunning:
		return store.Stopping, told(s, s.Failure.Reason, now)
	case open && want == store.WantArchived:
		return store.Stopping, told(s, reasonArchived, now)
	case open && s.Over(s.WantedAt):
		return store.Stopping, told(s, reasonLapsed, now)
	case open:
		return store.Stopping, told(s, reasonStopped, now)
	case want == store.WantRunning:
		return store.Failed, action{}
	case want == store.WantArchived:
		return r.pack(s, seen)
	case s.Archive != "" && want == store.WantStopped && r.archives:
		return store.Archived, action{deed: restore}
	case s.Archive != "":
		return store.Archived, action{}
	case want == store.WantNone:
		return store.Created, action{}
	}
	return store.Stopped, action{}
}

// pack is the way to ARCHIVED of what does not run: the volumes go last, when
// the archive is known to be good.
func (r rules) pack(s store.Session, seen sight) (store.State, action) {
	switch {
	case s.Archive != "" && seen.here:
		return store.Stopped, action{deed: remove}
	case s.Archive != "":
		return store.Archived, action{}
	case r.archives:
		return store.Stopped, action{deed: archive}
	}
	return store.Stopped, action{}
}

// run is the way to RUNNING.
func (r rules) run(s store.Session, seen sight, now time.Time) (store.State, action) {
	open := s.Run > s.ChronicledRun
	mine := seen.here && len(seen.Parts) > 0 && seen.Run == s.Run && !seen.Helper // containers of this run
	ready := !s.ReadyAt.IsZero()
	submitted := !s.SubmittedAt.IsZero()
	ended := firstEnded(seen.Workload)
	switch {
	case s.Archive != "" && r.archives:
		return store.Starting, action{deed: restore}
	case s.Archive != "":
		return store.Stopping, action{deed: fail, failure: failedArchive()}
	case !open:
		return store.Starting, action{deed: begin}
	case len(seen.Parts) > 0 && seen.Run > s.Run: // the database is older than the containers
		return store.Starting, told(s, reasonReplaced, now)
	case seen.Helper && seen.Run == s.Run && !s.ReadyAt.IsZero(): // it packs what a run has left that is over
		return store.Stopping, told(s, reasonStopped, now)
	case s.Ended != nil:
		return store.Stopping, action{deed: fail, failure: failedEnd(*s.Ended, !s.ReadyAt.IsZero())}
	case mine && ended != nil && killed(seen) && !seen.runs() && !seen.watched:
		return store.Starting, told(s, reasonLost, ended.At)
	case mine && ended != nil && killed(seen) && now.Before(seen.over.Add(doubt)) && ready:
		return store.Running, action{wake: seen.over.Add(doubt)}
	case mine && ended != nil && killed(seen) && now.Before(seen.over.Add(doubt)):
		return store.Provisioning, action{wake: seen.over.Add(doubt)}
	case mine && ended != nil:
		return store.Stopping, action{deed: fail, failure: failedEnd(*ended, !s.ReadyAt.IsZero()), ended: ended}
	case mine && submitted && ready && seen.State == runtime.Up:
		act, end := r.rest(s, seen, now), s.ExpiresAt
		if soon := s.EndsSoon(); now.Before(soon) {
			end = soon
		} else {
			act.soon = !end.IsZero()
		}
		act.wake = earlier(act.wake, end)
		return store.Running, act
	case mine && submitted && seen.State == runtime.Up:
		return r.provision(s, seen, now)
	case submitted && !s.ReadyAt.IsZero():
		return store.Stopping, action{deed: fail, failure: failedGone(seen.Workload)}
	}
	state := store.Starting
	if submitted {
		state = store.Provisioning
	}
	if s.Attempts >= maxAttempts {
		return store.Stopping, action{deed: fail, failure: failedAttempts(s.Doing)}
	}
	return state, action{deed: start}
}

// provision waits for every part to answer. What we could not see, and what
// nobody looked at, does not count against the session.
func (r rules) provision(s store.Session, seen sight, now time.Time) (store.State, action) {
	if seen.known && seen.health.Failed {
		return store.Stopping, action{deed: fail, failure: failedHealth(seen.health)}
	}
	from := s.SubmittedAt
	if seen.since.After(from) {
		from = seen.since
	}
	timeout := r.timeout
	if seen.known && seen.health.Setup {
		timeout = max(timeout, setupTimeout)
	}
	deadline := from.Add(timeout)
	if !now.Before(deadline) {
		return store.Stopping, action{deed: fail, failure: failedAnswer(seen, timeout)}
	}
	return store.Provisioning, action{wake: deadline}
}

// earlier is the earlier of two times of which each may be none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// told completes the chronicle of the run that is open.
func told(s store.Session, reason string, at time.Time) action {
	if s.Ended != nil {
		at = s.Ended.At
	}
	return action{deed: complete, reason: reason, at: at}
}

// firstEnded gives the part that ended first; nil when none has.
func firstEnded(seen runtime.Workload) *store.Ended {
	var first *store.Ended
	for _, p := range seen.Parts {
		if p.Running || p.Finished.IsZero() {
			continue
		}
		if first == nil || p.Finished.Before(first.At) || p.Finished.Equal(first.At) && first.ExitCode == 0 && p.ExitCode != 0 {
			first = &store.Ended{Part: p.Name, ExitCode: p.ExitCode, OOM: p.OOMKilled, Error: p.Error, At: p.Finished}
		}
	}
	return first
}

// killed reports whether containers may be going with the machine: each that
// ended was killed or ended by a shutdown.
func killed(seen sight) bool {
	for _, p := range seen.Parts {
		if p.Running || p.Finished.IsZero() {
			continue // or never ran: the start was interrupted
		}
		if p.OOMKilled || p.ExitCode != 137 && p.ExitCode != 143 && p.ExitCode != 255 {
			return false
		}
	}
	return true
}

// backoff is the pause after the n-th failure in a row: 2, 4, 8 … 60 s.
func backoff(n int) time.Duration {
	return min(time.Minute, time.Second<<min(max(n, 1), 6))
}
