// Package runtimetest is the conformance suite that every runtime.Runtime
// passes: the fake, Docker, Kubernetes. A backend's bug first becomes a case
// here.
package runtimetest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"volundr/runtime"
)

// Backend is a runtime under test and what the suite may expect of it. What a
// backend lacks is skipped by name and counted at the end of the run.
type Backend struct {
	// New gives a runtime of a fresh installation. Two of them share the same
	// engine or cluster.
	New func(t *testing.T) runtime.Runtime
	// Again gives another runtime of the same installation, as a daemon has
	// that was started after a crash. Required.
	Again func(t *testing.T, rt runtime.Runtime) runtime.Runtime
	// Spec gives a session with a fresh id: the parts broker and agent at
	// least, workspace and home mounted into the agent, journal into the
	// broker. The suite changes the agent's command, limits and network.
	Spec func(t *testing.T) runtime.Spec
	// Sandbox gives a sandbox with a fresh uuid whose maximum lifetime is ttl, with
	// /workspace in memory. Required.
	Sandbox func(t *testing.T, ttl time.Duration) runtime.Spec
	// Processes: commands really run, in an image that has sh, bash, coreutils
	// and perl.
	Processes bool
	// Broker: the spec's broker part is the real program, so that Dial reaches
	// ports on the workload's loopback.
	Broker bool
	// Pauses: the runtime is a Pauser.
	Pauses bool
	// End ends a part from outside as if its process had exited. Nil: the
	// suite makes the process exit.
	End func(t *testing.T, rt runtime.Runtime, id, part string, code int, oom bool)
	// Lose removes a part's container behind the runtime's back. Nil where
	// that cannot be done.
	Lose func(t *testing.T, rt runtime.Runtime, id, part string)
	// Lacks is what this kind of backend cannot do, whatever the machine.
	Lacks Lack
	// Only names the cases to run, by the beginnings of their names, where
	// another variant of the same backend runs the whole suite. Empty: all.
	Only []string
	// Patience bounds how long anything may take. 0: two minutes.
	Patience time.Duration
}

// Lack is a set of what backends lack.
type Lack int

const (
	// ProcessLimit: how many processes a workload may have is the machine's
	// setting, not the workload's.
	ProcessLimit Lack = 1 << iota
	// LoneParts: parts come and go together. Losing one is losing all, and one
	// that ended comes back with all others.
	LoneParts
	// NoInterface: a workload without network has an interface all the same, and
	// rules of others keep it shut.
	NoInterface
	// Separation: the rules between workloads are given to something that is not
	// there, so that nothing holds them here.
	Separation
)

// test is one case with what it needs of the backend.
type test struct {
	name  string
	needs need
	run   func(t *testing.T, s *suite)
}

type need int

const (
	processes need = 1 << iota
	dialling
	losing
	oom
	pausing
	apart // workloads are kept from each other
)

func cases() []test {
	var all []test
	for _, part := range [][]test{lifecycleCases, crashCases, listCases, endCases, watchCases, execCases, logCases, networkCases, hardeningCases, brokenCases, sandboxCases, pauseCases, serviceCases} {
		all = append(all, part...)
	}
	return all
}

// Run runs the whole suite against b.
func Run(t *testing.T, b Backend) {
	if b.Patience == 0 {
		b.Patience = 2 * time.Minute
	}
	var skipped []string
	for _, c := range cases() {
		// What a backend is not made for is no test left out on this machine:
		// it is named below, not skipped.
		if why := b.lacks(c.needs); why != "" || !b.chosen(c.name) {
			skipped = append(skipped, c.name)
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.run(t, &suite{Backend: b, rt: b.New(t)}) })
	}
	if len(skipped) > 0 {
		t.Logf("%d of %d cases not run on this backend: %v", len(skipped), len(cases()), skipped)
	}
}

func (b Backend) chosen(name string) bool {
	return len(b.Only) == 0 || slices.ContainsFunc(b.Only, func(p string) bool { return strings.HasPrefix(name, p) })
}

func (b Backend) lacks(n need) string {
	switch {
	case n&pausing != 0 && !b.Pauses:
		return "no way to freeze a session"
	case n&processes != 0 && !b.Processes:
		return "no real processes"
	case n&dialling != 0 && !b.Broker:
		return "no real broker"
	case n&losing != 0 && b.Lose == nil:
		return "no way to lose a container"
	case n&apart != 0 && b.Lacks&Separation != 0:
		return "nothing holds the rules between workloads"
	case n&oom != 0 && b.End == nil && !b.Processes:
		return "no way to run out of memory"
	}
	return ""
}

// suite is one case's view: a backend and a runtime of a fresh installation.
type suite struct {
	Backend
	rt runtime.Runtime
}

// spec gives a session whose agent idles until /tmp/exit names its exit code.
func (s *suite) spec(t *testing.T) runtime.Spec {
	t.Helper()
	spec := s.Spec(t)
	spec.Name, spec.Owner, spec.Tenant, spec.Run = "conformance", "owner-1", "tenant-1", 1
	spec.Created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	agent(t, &spec).Command = idle("")
	return spec
}

// idle is a shell that does first and then waits for /tmp/exit.
func idle(first string) []string {
	return []string{"sh", "-c", first + `
trap 'exit 0' TERM
while [ ! -e /tmp/exit ]; do sleep 0.1 & wait $!; done
exit "$(cat /tmp/exit)"`}
}

func agent(t *testing.T, spec *runtime.Spec) *runtime.Part {
	t.Helper()
	for i := range spec.Parts {
		if spec.Parts[i].Name == runtime.PartAgent {
			return &spec.Parts[i]
		}
	}
	t.Fatal("Backend.Spec has no agent part")
	return nil
}

// start starts spec, removes it at the end of the test, and waits until it is
// listed as up.
func (s *suite) start(t *testing.T, spec runtime.Spec) runtime.Workload {
	t.Helper()
	s.clean(t, spec.ID)
	if err := s.rt.Start(s.ctx(t), spec); err != nil {
		t.Fatalf("start: %v", err)
	}
	return s.await(t, spec.ID, "up", func(w runtime.Workload) bool { return w.State == runtime.Up })
}

func (s *suite) clean(t *testing.T, id string) {
	rt := s.rt
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
		defer cancel()
		if err := rt.Remove(ctx, id); err != nil {
			t.Errorf("clean up: remove: %v", err)
		}
	})
}

// ctx is bounded by the backend's patience.
func (s *suite) ctx(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), s.Patience)
	t.Cleanup(cancel)
	return ctx
}

// find gives the workload as List shows it; the zero value when it does not.
func (s *suite) find(t *testing.T, id string) (runtime.Workload, bool) {
	t.Helper()
	list, err := s.rt.List(s.ctx(t))
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	for _, w := range list {
		if w.ID == id {
			return w, true
		}
	}
	return runtime.Workload{}, false
}

// await lists until cond holds of the workload.
func (s *suite) await(t *testing.T, id, what string, cond func(runtime.Workload) bool) runtime.Workload {
	t.Helper()
	var w runtime.Workload
	s.until(t, what, func() bool {
		w, _ = s.find(t, id)
		return cond(w)
	}, func() any { return w })
	return w
}

// until polls cond for as long as patience lasts.
func (s *suite) until(t *testing.T, what string, cond func() bool, got func() any) {
	t.Helper()
	ctx := s.ctx(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s; it is %+v", what, got())
		case <-tick.C:
		}
	}
}

// end ends a part with an exit code.
func (s *suite) end(t *testing.T, id, part string, code int) {
	t.Helper()
	switch {
	case s.End != nil:
		s.End(t, s.rt, id, part, code, false)
	case part == runtime.PartAgent:
		s.sh(t, id, "echo "+itoa(code)+" > /tmp/exit")
	default:
		_, _ = s.rt.Exec(s.ctx(t), id, runtime.ExecOptions{Part: part, Command: []string{"sh", "-c", "kill -TERM 1"}})
	}
}

func part(w runtime.Workload, name string) runtime.PartStatus {
	for _, p := range w.Parts {
		if p.Name == name {
			return p
		}
	}
	return runtime.PartStatus{}
}
