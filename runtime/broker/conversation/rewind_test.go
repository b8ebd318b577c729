package conversation

import (
	"context"
	"errors"
	"slices"
	"testing"

	"volundr/runtime/broker/wire"
)

// types lists the types of the entries so far that are among those asked for.
func (f *fixture) types(among ...string) (list []string) {
	for _, e := range f.entries {
		if slices.Contains(among, e.Type) {
			list = append(list, e.Type)
		}
	}
	return list
}

func TestStateIsRecordedBeforeEachPrompt(t *testing.T) {
	looks := make(chan string, 10)
	f := start(t, t.TempDir(), 0, func(o *Options) {
		o.Before = func(ctx context.Context, prompt, session string) wire.Checkpoint {
			looks <- prompt + " " + session
			if prompt == "slow" {
				<-ctx.Done()
				return wire.Checkpoint{Prompt: prompt, Error: "there was no time"}
			}
			return wire.Checkpoint{ID: "c-" + prompt, Prompt: prompt}
		}
	})
	f.prompt("p1", "say hello")
	f.end("p1")
	if got := f.types(wire.EntryCheckpoint, wire.EntryTurnStart); !slices.Equal(got, []string{wire.EntryCheckpoint, wire.EntryTurnStart}) {
		t.Errorf("entries %v", got)
	}
	if look := <-looks; look != "p1 s1" {
		t.Errorf("looked for %q", look)
	}
	f.prompt("slow", "say never")
	<-looks
	if err := f.c.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	if end := f.end("slow"); end.StopReason != "cancelled" || f.text("slow") != "" {
		t.Errorf("a prompt that was cancelled before it began: %+v, said %q", end, f.text("slow"))
	}
	f.prompt("p2", "say again")
	if end := f.end("p2"); end.StopReason != "end_turn" {
		t.Errorf("%+v", end)
	}
}

func TestRewind(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir, 0)
	f.prompt("p1", "hang")
	f.await("the agent to hang", of("p1", wire.EntryText))
	never := func(context.Context) (string, wire.Rewound, error) {
		t.Error("files are put back")
		return "", wire.Rewound{}, nil
	}
	if err := f.c.Rewind(t.Context(), never); !errors.Is(err, ErrBusy) {
		t.Errorf("in the middle of a turn: %v", err)
	}
	f.c.Cancel(t.Context())
	f.end("p1")
	f.await("the agent to be back", func(e wire.Entry) bool {
		return e.Type == wire.EntryAgent && data[wire.AgentState](f, e).State == "resumed"
	})
	for session, want := range map[string]string{"s1": "resumed", "": "ready"} {
		n := len(f.entries)
		err := f.c.Rewind(t.Context(), func(context.Context) (string, wire.Rewound, error) {
			if s := f.c.State(); s.Ready || !s.Busy {
				t.Errorf("while files are put back: %+v", s)
			}
			if err := f.c.Rewind(t.Context(), never); err == nil {
				t.Error("going back twice at the same time")
			}
			return session, wire.Rewound{Checkpoint: "c1", Prompt: "p1"}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var state string
		f.await("the agent to be up", func(e wire.Entry) bool {
			if e.Seq <= int64(n) || e.Type != wire.EntryAgent {
				return false
			}
			state = data[wire.AgentState](f, e).State
			return state != "exited"
		})
		if state != want {
			t.Errorf("going on with session %q the agent is %s, want %s", session, state, want)
		}
		f.prompt("after "+want, "say hello")
		f.end("after " + want)
	}
	failed := errors.New("the disk is full")
	if err := f.c.Rewind(t.Context(), func(context.Context) (string, wire.Rewound, error) { return "", wire.Rewound{}, failed }); !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
	f.prompt("last", "say it works")
	if end := f.end("last"); end.StopReason != "end_turn" {
		t.Errorf("after a failure: %+v", end)
	}
	if n := len(f.types(wire.EntryRewound)); n != 2 {
		t.Errorf("told %d times, want 2", n)
	}
}
