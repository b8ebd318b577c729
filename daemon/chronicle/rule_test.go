package chronicle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

func TestTextsByRuleSayWhatAStrangerNeeds(t *testing.T) {
	w := newWorld(t)
	w.prompt("p1", "Please mend it.\nIt is broken.")
	w.journal(aTurn(w)...)
	w.prompt("p2", "Now the docs")
	w.journal(
		w.entry(60, "p2", wire.EntryTurnStart, wire.TurnStart{Prompt: "p2"}),
		w.entry(61, "", wire.EntryCommand, wire.ShellCommand{Command: "make", Exit: 0}),
		w.entry(62, "p2", wire.EntryPermission, wire.Permission{ID: "q9", Tool: wire.Tool{ID: "t9", Title: "git push", Kind: "execute"}}),
	)
	s := w.s
	s.Failure = &store.Failure{Reason: "The agent ended (exit code 1)."}
	if err := w.book.Completed(t.Context(), s, s.Failure.Reason, w.at.Add(3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	c := w.chronicle()
	want := store.Texts{Author: store.AuthorRule,
		Summary: strings.Join([]string{
			"Asked first: “Please mend it. It is broken.”",
			"Asked last, after 1 prompt: “Now the docs”",
			"The agent's last words: “I will look at it. # Done It works, [redacted] is set.”",
			"In all: 1 commit, 3 files changed (+8 −8), 3 commands.",
			"The tests failed when they were last run (`TOKEN=[redacted] go test ./...`, exit code 2).",
			"The agent worked for 25 seconds of 3 minutes. The run ended: The agent ended (exit code 1).",
		}, "\n\n"),
		KeyChanges: []string{"0123456 Fix it", "main.go (+2 −1)", "moved.go (+6 −0, new)", "old.go (+0 −7, deleted)"},
		Unfinished: strings.Join([]string{
			"- The agent was in the middle of a turn when the run ended.",
			"- The agent waits for leave: git push",
			"- Failed: `TOKEN=[redacted] go test ./...` (exit code 2)",
			"- Error: No progress.",
		}, "\n"),
	}
	if diff := cmp.Diff(want, c.Texts); diff != "" {
		t.Error(diff)
	}
	if c.Active != 25*time.Second {
		t.Errorf("active %s", c.Active)
	}
}

func TestTheConfigurationIsKeptWithoutSecrets(t *testing.T) {
	c := newWorld(t).chronicle()
	text := string(c.Config)
	for _, gone := range []string{secret, "12345", "me:pw"} {
		if strings.Contains(text, gone) {
			t.Errorf("%s stands in %s", gone, text)
		}
	}
	for _, kept := range []string{`"PLAIN":"yes"`, `"credential_names":["git"]`, `"name":"demo"`, `"repo":"https://example.org/team/demo.git"`} {
		if !strings.Contains(text, kept) {
			t.Errorf("%s is missing in %s", kept, text)
		}
	}
	if c.Repo != "https://example.org/team/demo.git" {
		t.Error(c.Repo)
	}
}
