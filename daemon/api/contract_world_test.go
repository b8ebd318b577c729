package api

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"volundr/store"
)

// contractSessions makes a session in each state that the cases need, and a
// repository, and replaces $NAME by the id of a session or the repository.
func (w *world) contractSessions() *strings.Replacer {
	w.t.Helper()
	state := func(name string, change func(*store.Session)) store.Session {
		s := w.created(name)
		n := s
		change(&n)
		s, err := w.db.Conclude(w.t.Context(), s, n)
		if err != nil {
			w.t.Fatal(err)
		}
		return s
	}
	ids := []string{"$repo", w.repository()}
	for _, s := range []store.Session{
		w.session("running"),
		w.created("idle"),
		state("failed", func(s *store.Session) {
			s.Run, s.State, s.Want = 1, store.Failed, store.WantRunning
			s.Failure = &store.Failure{Reason: "The agent ended.", Part: "agent", ExitCode: new(3), At: time.Now()}
		}),
		state("stopped", func(s *store.Session) { s.Run, s.State = 1, store.Stopped }),
	} {
		ids = append(ids, "$"+s.Name, s.ID)
	}
	// Of another tenant: it is nowhere in what follows.
	if _, err := w.db.CreateSession(w.t.Context(), store.Session{Name: "foreign", OwnerID: "eve", TenantID: "elsewhere", Runtime: "fake"}); err != nil {
		w.t.Fatal(err)
	}
	return strings.NewReplacer(ids...)
}

// repository makes a git repository with the branch main.
func (w *world) repository() string {
	w.t.Helper()
	return w.repositoryAt("app")
}

// repositoryAt makes one of that name.
func (w *world) repositoryAt(name string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "--allow-empty", "-m", "First"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			w.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}
