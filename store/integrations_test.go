package store

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIntegrationsAreKeptAsTheyWereGiven(t *testing.T) {
	db, ctx := open(t), t.Context()
	hub := must(db.AddIntegration(ctx, anna, Integration{Slug: "github", Type: "source_control", Adapter: "volundr.github", Credential: "hub", Enabled: true}))(t)
	lab := must(db.AddIntegration(ctx, anna, Integration{Slug: "gitlab", Credential: "lab", Config: map[string]string{"url": "https://git.acme.io"}}))(t)
	if hub.ID == "" || hub.CreatedAt.IsZero() || hub.Config == nil || lab.Enabled {
		t.Errorf("%+v %+v", hub, lab)
	}
	if diff := cmp.Diff([]Integration{hub, lab}, must(db.Integrations(ctx, anna))(t)); diff != "" {
		t.Error(diff)
	}
	change := hub
	change.Credential, change.Config, change.Enabled, change.Slug = "other", map[string]string{"a": "b"}, false, "song"
	changed := must(db.ChangeIntegration(ctx, anna, change))(t)
	if changed.Slug != "github" || changed.Credential != "other" || changed.Config["a"] != "b" || changed.Enabled {
		t.Errorf("%+v", changed)
	}
	if diff := cmp.Diff(changed, must(db.Integration(ctx, anna, hub.ID))(t)); diff != "" {
		t.Error(diff)
	}
	check(t, db.DeleteIntegration(ctx, anna, hub.ID))
	if err := db.DeleteIntegration(ctx, anna, hub.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}
