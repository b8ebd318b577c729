package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

func outline(items []Item) []string {
	var out []string
	for _, it := range items {
		line := string(it.Kind) + " " + it.ID
		if it.Queued {
			line += " queued"
		}
		if it.Open {
			line += " open"
		}
		out = append(out, line)
	}
	return out
}

func TestConversationMergesWhatBelongsTogether(t *testing.T) {
	got := outline(Conversation("s", conversation()))
	want := []string{
		"prompt p-p1", "thought h-t1", "text b-b1", "plan plan-p1", "tool t-c1", "tool t-c2", "tool t-c3", "text b-b2", "end e-p1",
		"prompt p-p2", "text b-b3", "tool t-c4", "permission q-q1 open", "prompt p-p3 queued",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, it := range Conversation("s", conversation()) {
		if it.ID == "b-b1" && it.Text != "I'll look at how amounts are rounded first." {
			t.Errorf("block b1 is %q", it.Text)
		}
	}
}

// However the entries are cut into a page and what follows live, a reader ends
// with the same items.
func TestTranscriptGoesOnFromAnyPoint(t *testing.T) {
	entries := conversation()
	whole := NewTranscript("s")
	for _, e := range entries {
		whole.Apply(e)
	}
	want := outline(whole.Items())
	for cut := range entries {
		live := NewTranscript("s")
		page := map[string]Item{}
		for _, e := range entries[:cut] {
			live.Apply(e)
		}
		for _, it := range live.Items() {
			page[it.ID] = it
		}
		for _, e := range entries[cut:] {
			for _, id := range live.Apply(e) {
				page[id], _ = live.Item(id)
			}
		}
		for _, it := range whole.Items() {
			if diff := cmp.Diff(it, page[it.ID]); diff != "" {
				t.Errorf("cut at %d, %s: %s", cut, it.ID, diff)
			}
		}
		if diff := cmp.Diff(want, outline(live.Items())); diff != "" {
			t.Errorf("cut at %d: %s", cut, diff)
		}
		if cut > 0 {
			for _, it := range whole.After(entries[cut-1].N) {
				if it.Last <= entries[cut-1].N {
					t.Errorf("After(%d) gave %s, changed last by %d", entries[cut-1].N, it.ID, it.Last)
				}
			}
		}
	}
}

func TestStatusFollowsTheTurn(t *testing.T) {
	s := &script{at: now}
	tr := NewTranscript("s")
	see := func(what string, want Status) {
		t.Helper()
		for _, e := range s.entries {
			tr.Apply(e)
		}
		s.entries = nil
		got := tr.Fixed(KindStatus).Status
		want.Since = got.Since
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	s.prompt("p1", "go")
	see("a prompt waits", Status{Queued: 1})
	s.begin("p1")
	see("its turn begins", Status{Busy: true})
	tool := client.Tool{ID: "c", Kind: "execute", Status: "in_progress", Input: input(map[string]any{"command": "make"})}
	s.say(client.EntryTool, tool)
	see("a tool runs", Status{Busy: true, Text: "Run make"})
	s.say(client.EntryPermission, client.Permission{ID: "q", Tool: tool, Options: askOptions})
	see("a question is open", Status{Busy: true, Waiting: true, Text: "Run make"})
	s.say(client.EntryPermissionDone, client.PermissionDone{ID: "q", Option: "once", Allowed: true})
	see("it is answered", Status{Busy: true, Text: "Run make"})
	s.say(client.EntryStalled, client.Note{Message: "The model has said nothing for 60 s."})
	see("it stalls", Status{Busy: true, Text: "Run make", Stalled: true})
	s.text("b", "on it goes")
	see("it goes on", Status{Busy: true, Text: "Run make"})
	s.end("cancelled")
	see("the turn ends", Status{})
	if it, _ := tr.Item("t-c"); it.Tool.Status != "cancelled" {
		t.Errorf("the tool of an ended turn is %s", it.Tool.Status)
	}
}

func TestAnswerElsewhereClosesTheQuestion(t *testing.T) {
	tr := NewTranscript("s")
	for _, e := range conversation() {
		tr.Apply(e)
	}
	s := &script{n: 1000, at: now}
	s.add("daemon", client.EntryAnswer, client.Answer{ID: "q1", Option: "always"})
	if got := tr.Apply(s.entries[0]); !slices.Contains(got, "q-q1") {
		t.Errorf("an answer changed %v", got)
	}
	if html := itemHTML(t, tr, "q-q1"); !strings.Contains(html, "Answered: Always allow git push") || !strings.Contains(html, "disabled") {
		t.Errorf("the question does not say that it was answered: %s", html)
	}
	s.say(client.EntryPermissionDone, client.PermissionDone{ID: "q1", Option: "always", Allowed: true})
	tr.Apply(s.entries[1])
	if html := itemHTML(t, tr, "q-q1"); strings.Contains(html, "<button") || !strings.Contains(html, "Allowed (Always allow git push)") {
		t.Errorf("the question is still open: %s", html)
	}
}

func itemHTML(t *testing.T, tr *Transcript, id string) string {
	t.Helper()
	it, _ := tr.Item(id)
	_, html, err := RenderItem(t.Context(), it)
	if err != nil {
		t.Fatal(err)
	}
	return html
}

func TestAutomaticPromptIsMarked(t *testing.T) {
	s := &script{at: now}
	s.say(client.EntryTurnStart, client.TurnStart{Prompt: "auto", Automatic: true, Text: "Continue."})
	tr := NewTranscript("s")
	tr.Apply(s.entries[0])
	if html := itemHTML(t, tr, "p-auto"); !strings.Contains(html, "Automatic") || !strings.Contains(html, "Continue.") {
		t.Error(html)
	}
}

func TestPageCutsAtATurn(t *testing.T) {
	s := &script{at: now}
	for i := range 150 {
		id := fmt.Sprint("p", i)
		s.prompt(id, "go").begin(id).text(fmt.Sprint("b", i), "one").text(fmt.Sprint("b", i), " two").end("end_turn")
	}
	w := Page(NewTranscript("s"), s.entries[3:], true) // begins in the middle of the first answer
	if len(w.Items) > Shown || w.Items[0].Kind != KindPrompt {
		t.Fatalf("%d items, the first is a %s", len(w.Items), w.Items[0].Kind)
	}
	var above []client.Entry
	for _, e := range s.entries {
		if e.N < w.Before {
			above = append(above, e)
		}
	}
	all := outline(append(Earlier(NewTranscript("s"), above, false).Items, w.Items...))
	if diff := cmp.Diff(outline(Conversation("s", s.entries))[150*3-len(all):], all); diff != "" {
		t.Errorf("two pages are not the conversation: %s", diff)
	}
}

func TestStandingEntriesOutliveTheCut(t *testing.T) {
	tr := NewTranscript("s")
	Page(tr, conversation(), true)
	if got := tr.Fixed(KindOptions).Mode.Current; got != "acceptEdits" {
		t.Errorf("mode is %q: what was said before the cut is lost", got)
	}
}

func TestATurnThatBeganBeforeTheCutIsUnderWay(t *testing.T) {
	s := &script{at: now}
	s.begin("p1").text("b1", "still at it")
	tr := NewTranscript("s")
	tr.Stand(s.entries[0])
	Page(tr, s.entries[1:], true)
	if st := tr.Fixed(KindStatus).Status; !st.Busy || !st.Since.Equal(s.entries[0].At) {
		t.Errorf("the status is %+v, want busy since the turn began", st)
	}
	s.end("end_turn")
	tr.Apply(s.entries[2])
	if st := tr.Fixed(KindStatus).Status; st.Busy {
		t.Errorf("the status is %+v after the turn's end", st)
	}
	ended := NewTranscript("s")
	ended.Stand(s.entries[0])
	ended.Stand(s.entries[2])
	if st := ended.Fixed(KindStatus).Status; st.Busy || len(ended.Items()) > 0 {
		t.Errorf("a turn that ended long ago: %+v, %d items", st, len(ended.Items()))
	}
}

// What a session says is hostile: no entry breaks the transcript, and nothing
// of it becomes markup.
func FuzzEntries(f *testing.F) {
	for _, e := range conversation() {
		f.Add(e.Type, []byte(e.Data), e.Source)
	}
	f.Add(client.EntryTool, []byte(`{"id":"\"><script>","kind":"execute","input":{"command":["<b>",1]}}`), "journal")
	f.Add(client.EntryText, []byte(`{"block":"x","text":"<img src=x onerror=alert(1)>![a](http://e.vil/x.png)"}`), "journal")
	f.Fuzz(func(t *testing.T, typ string, data []byte, source string) {
		tr := NewTranscript("s")
		for i, e := range conversation() {
			tr.Apply(e)
			tr.Apply(client.Entry{N: int64(1000 + i), At: now.Add(time.Second), Source: source, Type: typ, Turn: "p1", Data: json.RawMessage(data)})
		}
		for _, it := range tr.Items() {
			_, html, err := RenderItem(t.Context(), it)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(html, "<script") || strings.Contains(html, "<img src=\"http") || strings.Contains(html, "<img src=x") {
				t.Fatalf("markup of the session's: %s", html)
			}
		}
	})
}

func TestWhatHappensInTheWorkspaceIsNotedSparingly(t *testing.T) {
	tr := NewTranscript("s")
	s := &script{n: 1, at: now}
	s.say(client.EntryFiles, client.Files{Changes: []client.FileChange{{Path: "a", Action: "created"}}})
	s.say(client.EntryCommand, client.ShellCommand{Command: "ls"})
	s.say(client.EntryGit, client.Git{Action: "checkout", Branch: "b"})
	s.say(client.EntryGit, client.Git{Action: "commit", Hash: "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", Subject: "mend it"})
	s.say(client.EntryGit, client.Git{Action: "push", Hash: "a94a", Branch: "b", Remote: "origin"})
	s.say(client.EntryNote, client.Note{Message: "Worth knowing."})
	var got []string
	for _, e := range s.entries {
		tr.Apply(e)
	}
	for _, it := range tr.Items() {
		got = append(got, it.Text)
	}
	if diff := cmp.Diff([]string{"Committed a94a8fe: mend it", "Pushed b to origin (a94a).", "Worth knowing."}, got); diff != "" {
		t.Error(diff)
	}
}

// What is asked and told at a run's end is there, and out of the way.
func TestTheLastTurnIsFolded(t *testing.T) {
	s := &script{at: now}
	s.say(client.EntryTurnStart, client.TurnStart{Prompt: "last-s-1", Automatic: true, Text: "Tell the run."})
	s.entries[0].Turn = "last-s-1"
	s.say(client.EntryText, client.Text{Block: "b", Text: `{"summary":"<b>"}`})
	s.entries[1].Turn = "last-s-1"
	s.say(client.EntryTurnEnd, client.TurnEnd{Prompt: "last-s-1", StopReason: "end_turn", Input: 900, Output: 100})
	tr := NewTranscript("s")
	for _, e := range s.entries {
		tr.Apply(e)
	}
	html := itemHTML(t, tr, "p-last-s-1")
	for _, text := range []string{"Asked for a summary", "1.0k tokens", "Tell the run.", `{&#34;summary&#34;:&#34;&lt;b&gt;&#34;}`} {
		if !strings.Contains(html, text) {
			t.Errorf("no %s in %s", text, html)
		}
	}
	if items := tr.Items(); len(items) != 1 || !strings.HasPrefix(html, "<details") || strings.Contains(html, " open") {
		t.Errorf("%d items, %s", len(items), html)
	}
}
