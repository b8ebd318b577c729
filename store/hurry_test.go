package store

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestASecondStopEndsTheRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t)
		s := put(t, db, create(t, db), Running)
		if _, err := db.Hurry(t.Context(), anna, s.ID, true); !errors.Is(err, ErrConflict) {
			t.Errorf("of one that runs: %v", err)
		}
		stopped := must(db.Wish(t.Context(), anna, s.ID, WantStopped, FromStop...))(t)
		if _, err := db.Hurry(t.Context(), anna, s.ID, false); !errors.Is(err, ErrConflict) {
			t.Errorf("a double click: %v", err)
		}
		if _, err := db.Hurry(t.Context(), bert, s.ID, true); !errors.Is(err, ErrNotFound) {
			t.Errorf("of somebody else's: %v", err)
		}
		time.Sleep(2 * time.Second)
		got := must(db.Hurry(t.Context(), anna, s.ID, false))(t)
		if !got.Hurry || got.WantedAt.Equal(stopped.WantedAt) || got.Want != WantStopped {
			t.Errorf("%+v", got)
		}
		if again := must(db.Hurry(t.Context(), anna, s.ID, true))(t); again.Version != got.Version {
			t.Error("said twice, it changed the row")
		}
		if _, err := db.Hurry(t.Context(), anna, s.ID, false); !errors.Is(err, ErrConflict) {
			t.Errorf("a third stop: %v", err)
		}
		if next := must(db.Wish(t.Context(), anna, s.ID, WantGone))(t); next.Hurry {
			t.Error("the next wish is in a hurry too")
		}
	})
}
