package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFilesGoByAgeAndThenByTheirSizeTogether(t *testing.T) {
	db := open(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, f := range []File{
		{Name: "old", Size: 1, CreatedAt: now.Add(-2 * time.Hour)},
		{Name: "large", Size: 60, CreatedAt: now.Add(-3 * time.Minute)},
		{Name: "middle", Size: 30, CreatedAt: now.Add(-2 * time.Minute)},
		{Name: "young", Size: 30, CreatedAt: now.Add(-2 * time.Minute)},
	} {
		if got := must(db.AddFile(t.Context(), anna, f))(t); got.ID == "" || got.OwnerID != "anna" || got.Name != f.Name || !got.CreatedAt.Equal(f.CreatedAt) {
			t.Errorf("%+v", got)
		}
	}
	for _, c := range []struct {
		total int64
		want  []string
	}{
		{1000, []string{"old"}},
		{119, []string{"old", "large"}},
		{60, []string{"old", "large"}},
		{59, []string{"old", "large", "middle"}},
		{0, []string{"old", "large", "middle", "young"}},
	} {
		var names []string
		for _, f := range must(db.ExpiredFiles(t.Context(), now.Add(-time.Hour), c.total))(t) {
			names = append(names, f.Name)
		}
		if diff := cmp.Diff(c.want, names); diff != "" {
			t.Errorf("at most %d bytes: %s", c.total, diff)
		}
	}
	for i, f := range must(db.AllFiles(t.Context()))(t) {
		if i%2 == 0 {
			check(t, db.DeleteFile(t.Context(), chief, f.ID))
		} else {
			check(t, db.ForgetFile(t.Context(), f.ID))
			check(t, db.ForgetFile(t.Context(), f.ID))
		}
		if _, err := db.File(t.Context(), anna, f.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		if err := db.DeleteFile(t.Context(), anna, f.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
	}
	if left := must(db.Files(t.Context(), anna))(t); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
