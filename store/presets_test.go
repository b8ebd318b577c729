package store

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPresetsHaveOneNameAndOneDefault(t *testing.T) {
	db, ctx := open(t), t.Context()
	add := func(p Principal, name, agent string, isDefault bool) Preset {
		t.Helper()
		return must(db.AddPreset(ctx, p, Preset{Name: name, Agent: agent, Default: isDefault, Request: json.RawMessage(`{}`)}))(t)
	}
	quick, deep := add(anna, "quick", "claude", true), add(anna, "deep", "claude", true)
	codex := add(anna, "other", "codex", true)
	add(bert, "quick", "claude", true)
	var got []string
	for _, p := range must(db.Presets(ctx, anna))(t) {
		if p.Default {
			p.Name += "*"
		}
		got = append(got, p.Name)
	}
	if diff := cmp.Diff([]string{"deep*", "other*", "quick"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := db.AddPreset(ctx, anna, Preset{Name: "quick", Request: json.RawMessage(`{}`)}); !errors.Is(err, ErrConflict) {
		t.Errorf("the same name: %v", err)
	}
	rename := func(p Preset) (Preset, error) { p.Name = "deep"; return p, nil }
	if _, err := db.ChangePreset(ctx, anna, quick.ID, rename); !errors.Is(err, ErrConflict) {
		t.Errorf("a name that is taken: %v", err)
	}
	if p, err := db.ChangePreset(ctx, anna, deep.ID, rename); err != nil || p.Name != "deep" {
		t.Errorf("its own name: %+v, %v", p, err)
	}
	changed := must(db.ChangePreset(ctx, anna, quick.ID, func(p Preset) (Preset, error) {
		p.Default, p.Request = true, json.RawMessage(`{"model":"m"}`)
		return p, nil
	}))(t)
	if diff := cmp.Diff(changed, must(db.Preset(ctx, anna, quick.ID))(t)); diff != "" || string(changed.Request) != `{"model":"m"}` {
		t.Errorf("%s %s", diff, changed.Request)
	}
	for id, want := range map[string]bool{quick.ID: true, deep.ID: false, codex.ID: true} {
		if p := must(db.Preset(ctx, anna, id))(t); p.Default != want {
			t.Errorf("%s: default %v", p.Name, p.Default)
		}
	}
	refused := errors.New("no")
	if _, err := db.ChangePreset(ctx, anna, quick.ID, func(p Preset) (Preset, error) { return p, refused }); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	check(t, db.DeletePreset(ctx, anna, quick.ID))
	if err := db.DeletePreset(ctx, anna, quick.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestSavedPromptsAreKept(t *testing.T) {
	db, ctx := open(t), t.Context()
	b := must(db.PutSavedPrompt(ctx, anna, SavedPrompt{Name: "b", Content: "for all"}))(t)
	a := must(db.PutSavedPrompt(ctx, anna, SavedPrompt{Name: "a", Content: "here", ProjectRepo: "https://x/y", Tags: []string{"t", "u"}}))(t)
	b.Content = "changed"
	b = must(db.PutSavedPrompt(ctx, anna, b))(t)
	if diff := cmp.Diff([]SavedPrompt{a, b}, must(db.SavedPrompts(ctx, anna))(t)); diff != "" || b.Content != "changed" {
		t.Error(diff)
	}
	if _, err := db.PutSavedPrompt(ctx, anna, SavedPrompt{ID: "none", Name: "c", Content: "c"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	check(t, db.DeleteSavedPrompt(ctx, anna, a.ID))
	if err := db.DeleteSavedPrompt(ctx, anna, a.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}
