package terminal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatTmuxSaysOfTerminalsIsNotBelieved(t *testing.T) {
	got := listed("main\t\t\nx\tbash\t<b>\n\tbash\tlabel\n<b>\t\t\na\x1b[2J\t\t\nonly\nzoë 2\tnonsense\tyes\n")
	want := []Terminal{{"main", "main", "shell"}, {"x", "x", "bash"}, {"zoë 2", "yes", "shell"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
