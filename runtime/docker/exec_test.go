package docker

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"volundr/runtime"
)

func TestExecTellsWhatCouldNotRunFromWhatFailed(t *testing.T) {
	r, s := running(t, nil)
	for name, tt := range map[string]struct {
		command []string
		exit    int
		err     error
	}{
		"no such program":     {[]string{"/no/such/program"}, 0, runtime.ErrInvalid},
		"not a program":       {[]string{"/etc/passwd"}, 0, runtime.ErrInvalid},
		"a program says 127":  {[]string{"sh", "-c", "exit 127"}, 127, nil},
		"a shell finds none":  {[]string{"sh", "-c", "no-such-program"}, 127, nil},
		"a program says 126":  {[]string{"sh", "-c", "exit 126"}, 126, nil},
		"ended by its parent": {[]string{"sh", "-c", "sleep 60 & kill -9 $!; wait $!"}, 137, nil},
	} {
		t.Run(name, func(t *testing.T) {
			exit, err := r.Exec(t.Context(), s.ID, runtime.ExecOptions{Command: tt.command})
			if exit != tt.exit || !errors.Is(err, tt.err) {
				t.Errorf("%d %v, want %d %v", exit, err, tt.exit, tt.err)
			}
		})
	}
}

// Whatever the moment at which the context ends, before, while or after the
// engine starts the command, nothing of it stays.
func TestExecKilledAtAnyMoment(t *testing.T) {
	r, s := running(t, nil)
	for _, after := range []time.Duration{0, 5, 20, 60, 120, 200} {
		ctx, cancel := context.WithTimeout(t.Context(), after*time.Millisecond)
		_, err := r.Exec(ctx, s.ID, runtime.ExecOptions{Command: []string{"sh", "-c", "(setsid sleep 98765 &) ; exec sleep 98765"}, TTY: after == 60})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %d ms: %v", after, err)
		}
		var out bytes.Buffer
		if _, err := r.Exec(t.Context(), s.ID, runtime.ExecOptions{Stdout: &out,
			Command: []string{"sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c ^98765; true"}}); err != nil {
			t.Fatal(err)
		}
		if out.String() != "0\n" {
			t.Errorf("cut off after %d ms: %s processes are left", after, out.String())
		}
	}
}
