package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// The whole table of which wish is legal in which state.
func TestWishIsLegalWhereTheTableSaysSo(t *testing.T) {
	wishes := []struct {
		name  string
		want  Want
		from  []State
		legal []State
	}{
		{"start", WantRunning, FromStart, []State{Created, Stopped, Failed}},
		{"stop", WantStopped, FromStop, []State{Starting, Provisioning, Running}},
		{"archive", WantArchived, FromArchive, []State{Created, Stopped, Failed, Starting, Provisioning, Running}},
		{"restore", WantStopped, FromRestore, []State{Archived}},
		{"delete", WantGone, nil, []State{Created, Starting, Provisioning, Running, Stopping, Stopped, Failed, Archived}},
	}
	db := open(t)
	for _, w := range wishes {
		for _, state := range []State{Created, Starting, Provisioning, Running, Stopping, Stopped, Failed, Archived} {
			s := put(t, db, create(t, db), state)
			got, err := db.Wish(t.Context(), anna, s.ID, w.want, w.from...)
			if slices.Contains(w.legal, state) {
				if err != nil || got.Want != w.want || got.WantedAt.IsZero() {
					t.Errorf("%s from %s: want %s, %v", w.name, state, got.Want, err)
				}
				continue
			}
			prefix := "Cannot " + w.name + " session " + s.ID + ": current status is " + string(state) + ";"
			if !errors.Is(err, ErrConflict) || !strings.HasPrefix(err.Error(), prefix) || !strings.HasSuffix(err.Error(), ".") {
				t.Errorf("%s from %s: %v", w.name, state, err)
			}
			if after := must(db.SystemSession(t.Context(), s.ID))(t); after.Version != s.Version || after.Want != s.Want {
				t.Errorf("%s from %s changed the row although refused", w.name, state)
			}
		}
	}
}

func TestWishForgivesAndShowsThatItWasHeard(t *testing.T) {
	for _, c := range []struct {
		state State
		want  Want
		shown State
	}{
		{Failed, WantRunning, Starting}, {Created, WantRunning, Starting}, {Running, WantStopped, Stopping},
		{Starting, WantArchived, Stopping}, {Running, WantGone, Stopping}, {Stopped, WantGone, Stopped},
		{Archived, WantStopped, Archived}, {Stopped, WantArchived, Stopped},
	} {
		db := open(t)
		s := create(t, db)
		n := s
		n.State, n.Attempts, n.Failure, n.Ended = c.state, 3, &Failure{Reason: "x"}, &Ended{Part: "agent"}
		must(db.Conclude(t.Context(), s, n))(t)
		before := must(db.Stream(t.Context(), anna))(t).Last
		got := must(db.Wish(t.Context(), anna, s.ID, c.want))(t)
		if got.State != c.shown || got.Attempts != 0 || got.Failure != nil || got.Ended != nil {
			t.Errorf("%s wished %s: %+v", c.state, c.want, got)
		}
		if ev := must(db.Events(t.Context(), anna, before, 9))(t); len(ev) != 1 || ev[0].Type != SessionUpdated {
			t.Errorf("events: %+v", ev)
		}
		if rows := must(db.Unrest(t.Context(), nil))(t); len(rows) != 1 {
			t.Errorf("%s wished %s: the engine does not see it", c.state, c.want)
		}
	}
}

func TestDeletingIsFinal(t *testing.T) {
	db := open(t)
	s := create(t, db)
	must(db.Wish(t.Context(), anna, s.ID, WantGone))(t)
	must(db.Wish(t.Context(), anna, s.ID, WantGone))(t)
	if _, err := db.Wish(t.Context(), anna, s.ID, WantRunning, FromStart...); !errors.Is(err, ErrConflict) {
		t.Errorf("start while it is deleted: %v", err)
	}
}
