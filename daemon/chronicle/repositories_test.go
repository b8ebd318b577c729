package chronicle_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/chronicle"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// several are the repositories app and lib of a session.
var several = []store.Repository{{Folder: "app", Repo: "https://me:pw@example.org/team/app.git", Branch: "work"}, {Folder: "lib", Repo: "https://example.org/team/lib.git", Branch: "work"}}

func hash(digit string) string { return strings.Repeat(digit, 40) }

func (w *world) commit(after int, repo, digit, subject string) store.Entry {
	return w.entry(after, "", wire.EntryGit, wire.Git{Action: "commit", Repo: repo, Hash: hash(digit), Subject: subject, Files: []string{"x.go"}})
}

// Of several repositories the chronicle keeps where each stood, and what was left
// open in each; the first one's commits are those of a client that knows of one.
func TestWhereEachOfSeveralRepositoriesStood(t *testing.T) {
	w := newWorld(t, several...)
	at := map[string]string{"/workspace/app": hash("a"), "/workspace/lib": hash("b")}
	w.book.Run = func(_ context.Context, _ string, cmd wire.Command) (wire.RunResult, error) {
		folder := cmd.Argv[4]
		if strings.Contains(strings.Join(cmd.Argv, " "), "rev-parse") {
			return wire.RunResult{Stdout: []byte(at[folder] + "\n")}, nil
		}
		if folder == "/workspace/lib" {
			return wire.RunResult{Stdout: []byte(" M main.go\x00R  b\x00a\x00")}, nil
		}
		return wire.RunResult{}, nil
	}
	if err := w.book.Met(t.Context(), w.s); err != nil {
		t.Fatal(err)
	}
	at = map[string]string{"/workspace/app": hash("c"), "/workspace/lib": hash("d")}
	if err := w.book.Met(t.Context(), w.s); err != nil { // it answers again
		t.Fatal(err)
	}
	w.answer = says("end_turn", "no words that can be read")
	c := w.end(w.stopping())
	want := []store.Repository{{Folder: "app", Repo: "https://example.org/team/app.git", Branch: "work", BaseCommit: hash("a"), FinalCommit: hash("c")},
		{Folder: "lib", Repo: "https://example.org/team/lib.git", Branch: "work", BaseCommit: hash("b"), FinalCommit: hash("d")}}
	if diff := cmp.Diff(want, c.Repositories); diff != "" {
		t.Error(diff)
	}
	if c.BaseCommit != hash("a") || c.FinalCommit != hash("c") || !strings.Contains(c.Unfinished, "Not committed: 2 files: lib/main.go, lib/b") {
		t.Errorf("%q %q %q", c.BaseCommit, c.FinalCommit, c.Unfinished)
	}
	tl, err := w.book.Timeline(t.Context(), owner, c.ID, store.TimelineFilter{Texts: true})
	if err != nil {
		t.Fatal(err)
	}
	doc := chronicle.Markdown(c, tl)
	for _, want := range []string{"- Repository `app`: https://example.org/team/app.git\n", "- Repository `lib`: ", "- It began at: " + hash("b"), "- It ended at: " + hash("d"), "- `lib/main.go`\n"} {
		if !strings.Contains(doc, want) {
			t.Errorf("%q is not in\n%s", want, doc)
		}
	}
}

// A repository that is made while the session works began with nothing: where it
// stands when the session is connected to anew is not where the run began.
func TestWhereARunBeganIsAskedAtItsBeginning(t *testing.T) {
	w := newWorld(t, several...)
	at := map[string]string{"/workspace/app": hash("a")} // lib has no commit yet
	w.book.Run = func(_ context.Context, _ string, cmd wire.Command) (wire.RunResult, error) {
		if at := at[cmd.Argv[4]]; at != "" {
			return wire.RunResult{Stdout: []byte(at + "\n")}, nil
		}
		return wire.RunResult{Exit: 1}, nil
	}
	s := w.s
	for _, ready := range []time.Duration{0, time.Hour} {
		s.ReadyAt = time.Now().Add(-ready)
		if err := w.book.Met(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		at["/workspace/lib"] = hash("b") // its first commit
	}
	if c := w.chronicle(); c.Repositories[0].BaseCommit != hash("a") || c.Repositories[1].BaseCommit != "" {
		t.Errorf("%+v", c.Repositories)
	}
}

// That everything is committed is told when all repositories say so.
func TestARepositoryThatDoesNotAnswerIsNotTakenForClean(t *testing.T) {
	ok, slow, none, changed := wire.RunResult{}, wire.RunResult{Exit: 137, TimedOut: true}, wire.RunResult{Exit: 128}, wire.RunResult{Stdout: []byte(" M x\x00")}
	lost := wire.RunResult{Exit: -1} // there is no answer
	for name, c := range map[string]struct {
		app, lib wire.RunResult
		want     string
	}{
		"both are clean":           {ok, ok, "Everything is committed"},
		"one is slow":              {ok, slow, ""},
		"one is slow, one is not":  {slow, changed, "Not committed: 1 file"},
		"one is gone":              {ok, none, "Everything is committed"},
		"one is lost":              {lost, ok, ""},
		"one is lost, one is not":  {lost, changed, "Not committed: 1 file"},
		"neither is a repository":  {none, none, ""},
		"the first one is changed": {changed, ok, "Not committed: 1 file"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, several...)
			w.book.Run = func(_ context.Context, _ string, cmd wire.Command) (wire.RunResult, error) {
				res := map[string]wire.RunResult{"/workspace/app": c.app, "/workspace/lib": c.lib}[cmd.Argv[4]]
				switch {
				case res.Exit == lost.Exit:
					return res, errors.New("the connection was cut")
				case strings.Contains(strings.Join(cmd.Argv, " "), "rev-parse"):
					return wire.RunResult{Stdout: []byte(hash("b"))}, nil
				}
				return res, nil
			}
			w.answer = says("end_turn", "no words that can be read")
			s := w.stopping()
			w.book.End(t.Context(), s) // as far as it goes
			if err := w.book.Completed(t.Context(), s, "stopped", w.at.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			done := w.chronicle()
			if done.Repositories[1].FinalCommit != hash("b") {
				t.Errorf("%+v", done.Repositories)
			}
			tl, err := w.book.Timeline(t.Context(), owner, done.ID, store.TimelineFilter{})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, e := range tl.Events {
				if e.Kind == chronicle.KindDirty {
					got = e.Label
				}
			}
			if got != c.want {
				t.Errorf("%q is told, not %q", got, c.want)
			}
		})
	}
}

// What git did is told with the repository in which it was done, and of one that
// was not seen at its end the last commit that was heard of counts.
func TestWhatGitDidInEachOfSeveralRepositories(t *testing.T) {
	w := newWorld(t, several...)
	w.journal(w.commit(10, "app", "1", "Use it"), w.commit(11, "lib", "2", "Offer it"),
		w.entry(12, "", wire.EntryGit, wire.Git{Action: "push", Repo: "lib", Hash: hash("2"), Branch: "work", Remote: "origin", Commits: exit(1)}),
		w.commit(13, "lib", "3", "Test it"), w.commit(14, "own", "4", "Beside it"))
	if err := w.book.Completed(t.Context(), w.s, "lost", w.at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	c := w.chronicle()
	if c.Repositories[0].FinalCommit != hash("1") || c.Repositories[1].FinalCommit != hash("3") || c.FinalCommit != hash("1") {
		t.Errorf("%+v", c.Repositories)
	}
	if diff := cmp.Diff([]string{"own: 4444444 Beside it", "lib: 3333333 Test it", "lib: 2222222 Offer it", "app: 1111111 Use it"}, c.KeyChanges); diff != "" {
		t.Error(diff)
	}
	tl, err := w.book.Timeline(t.Context(), owner, c.ID, store.TimelineFilter{Texts: true})
	if err != nil {
		t.Fatal(err)
	}
	doc := chronicle.Markdown(c, tl)
	for _, want := range []string{"`2222222` Offer it in `lib`", "commit `1111111` Use it in `app`", "Pushed work to origin, 1 commit in `lib`"} {
		if !strings.Contains(doc, want) {
			t.Errorf("%q is not in\n%s", want, doc)
		}
	}
}

// A pull request of one repository says nothing of the others, whoever told what
// the run was about.
func TestAPitchIsOfOneRepository(t *testing.T) {
	w := newWorld(t, several...)
	w.journal(w.commit(10, "app", "1", "Use it"), w.commit(11, "lib", "2", "Offer it"), w.commit(13, "lib", "3", "Test it, "+secret))
	if err := w.book.Completed(t.Context(), w.s, "stopped", w.at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.PatchChronicle(t.Context(), owner, w.chronicle().ID, store.ChroniclePatch{Summary: new("All of it, in app and lib.")}); err != nil {
		t.Fatal(err)
	}
	w.s.Run, w.run = 2, 2
	if err := w.book.Opened(t.Context(), w.s); err != nil {
		t.Fatal(err)
	}
	w.journal(w.commit(20, "lib", "5", "Say it"))
	end := "Made in the Volundr session `" + w.s.Name + "`.\n"
	for folder, want := range map[string]chronicle.Pitch{
		"app":   {Title: "Use it", Body: end},
		"lib":   {Title: "Offer it", Body: "## Key changes\n\n- Say it\n- Test it, [redacted]\n- Offer it\n\n" + end},
		"other": {Title: w.s.Name, Body: end},
	} {
		got, err := w.book.Pitch(t.Context(), owner, w.s.ID, folder)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", folder, diff)
		}
	}
}
