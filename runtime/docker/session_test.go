package docker

import (
	"testing"

	"volundr/runtime"
)

// running gives a session that runs, changed by change before its start.
func running(t *testing.T, change func(*runtime.Spec)) (*Runtime, runtime.Spec) {
	t.Helper()
	e := engine(t)
	r := installation(t, e, false)
	image, err := r.EnsureImage(t.Context(), runtime.Session, func(runtime.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, image)
	if change != nil {
		change(&s)
	}
	if err := r.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return r, s
}
