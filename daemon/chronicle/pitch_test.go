package chronicle_test

import (
	"strings"
	"testing"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// A pull request says what the run did: by rule while it goes on, in the
// agent's words when it has told them, and never a secret.
func TestAPitchIsOfTheLastRun(t *testing.T) {
	w := newWorld(t)
	p := store.Principal{UserID: w.s.OwnerID, TenantID: w.s.TenantID}
	w.prompt("p1", "# Please mend it, "+secret+".\nIt is broken.")
	w.journal(w.entry(10, "p1", wire.EntryTurnStart, wire.TurnStart{Prompt: "p1"}))
	got, err := w.book.Pitch(t.Context(), p, w.s.ID, "")
	if err != nil || got.Title != "Please mend it, [redacted]." || !strings.Contains(got.Body, "Asked: “") || strings.Contains(got.Body+got.Title, secret) ||
		strings.Contains(got.Body, "The run ended") || !strings.HasSuffix(got.Body, "Made in the Volundr session `"+w.s.Name+"`.\n") {
		t.Errorf("%+v, %v", got, err)
	}
	w.journal(aTurn(w)...)
	if got, err = w.book.Pitch(t.Context(), p, w.s.ID, ""); err != nil || got.Title != "Fix it" || !strings.Contains(got.Body, "## Key changes\n\n- 0123456 Fix it\n- main.go") {
		t.Errorf("with a commit: %+v, %v", got, err)
	}
	if err := w.book.Completed(t.Context(), w.s, "stopped", w.at.Add(3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.PatchChronicle(t.Context(), p, w.chronicle().ID, store.ChroniclePatch{Summary: new("Mended v1.2 of it. And more.")}); err != nil {
		t.Fatal(err)
	}
	if got, err = w.book.Pitch(t.Context(), p, w.s.ID, ""); err != nil || got.Title != "Mended v1.2 of it" || !strings.HasPrefix(got.Body, "Mended v1.2 of it. And more.\n\n") {
		t.Errorf("a person's words: %+v, %v", got, err)
	}
}
