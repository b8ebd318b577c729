package api

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volundr/ui/client"
)

func TestOutputIsToldAsItComes(t *testing.T) {
	w := newWorld(t)
	box, err := w.client.CreateSandbox(t.Context(), client.SandboxCreate{})
	if err != nil {
		t.Fatal(err)
	}
	var out, errs, run string
	longest := 0
	printed := func(o client.Output) error {
		longest = max(longest, len(o.Data))
		if o.Stream == "stderr" {
			errs += o.Data
		} else {
			out += o.Data
		}
		return nil
	}
	res, err := w.client.StreamBash(t.Context(), box.ID, client.Bash{Cmd: `printf 'e\xcc\x81 \xe2\x82'; printf '\xac'; echo no >&2; head -c 20000 /dev/zero | tr '\0' x; exit 3`},
		func(id string) { run = id }, printed)
	if err != nil || run == "" || res.ExitCode == nil || *res.ExitCode != 3 || out != "e\u0301 €"+strings.Repeat("x", 20000) || errs != "no\n" {
		t.Errorf("%+v %v %q %.20q %q", res, err, run, out, errs)
	}
	if longest > maxPiece+8 {
		t.Errorf("a piece of %d bytes", longest)
	}
	out = ""
	done, err := w.client.StreamExecute(t.Context(), client.Execute{Code: "print('a'); open('b','w').write('c'); 4", TimeoutMS: 60000}, printed)
	if err != nil || out != "a\n4\n" || len(done.Files) != 1 || done.Files[0].Path != "b" || done.Files[0].FileID == nil {
		t.Fatalf("%+v %v %q", done, err, out)
	}
	var file strings.Builder
	if err := w.client.Download(t.Context(), *done.Files[0].FileID, &file); err != nil || file.String() != "c" {
		t.Errorf("%q %v", file.String(), err)
	}
}

func TestAStreamedCommandTakesInputAndIsCancelled(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	box, err := w.client.CreateSandbox(ctx, client.SandboxCreate{})
	if err != nil {
		t.Fatal(err)
	}
	steps := func(id string, do ...func() error) func(client.Output) error {
		return func(client.Output) error {
			if len(do) == 0 {
				return nil
			}
			next := do[0]
			do = do[1:]
			return next()
		}
	}
	var run string
	started := func(id string) { run = id }
	write := func() error { return w.client.WriteRun(ctx, box.ID, run, strings.NewReader("second\n")) }
	end := func() error { return w.client.CloseRun(ctx, box.ID, run) }
	res, err := w.client.StreamBash(ctx, box.ID, client.Bash{Cmd: `cat; exit 5`, Stdin: "first\n", StdinOpen: true}, started, steps(run, write, end))
	if err != nil || res.ExitCode == nil || *res.ExitCode != 5 {
		t.Errorf("with input: %+v %v", res, err)
	}
	cancel := func() error { return w.client.CancelRun(ctx, box.ID, run) }
	res, err = w.client.StreamBash(ctx, box.ID, client.Bash{Cmd: `echo go; sleep 100`}, started, steps(run, cancel))
	if err != nil || res.ExitCode != nil || res.TimedOut {
		t.Errorf("cancelled: %+v %v", res, err)
	}
}

// TestHangingUpEndsACommand looks at a file that the command goes on writing.
func TestHangingUpEndsACommand(t *testing.T) {
	w := newWorld(t)
	box, err := w.client.CreateSandbox(t.Context(), client.SandboxCreate{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	alive := filepath.Join(t.TempDir(), "alive")
	began := func(client.Output) error { hangUp(); return nil }
	_, err = w.client.StreamBash(ctx, box.ID, client.Bash{Cmd: `trap "" HUP TERM; (setsid bash -c 'while touch ` + alive + `; do sleep 0.02; done') & until [ -e ` + alive + ` ]; do sleep 0.01; done; echo go; wait`}, nil, began)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	limit := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(limit) {
		before, err := os.Stat(alive)
		if err != nil {
			t.Fatal(err)
		}
		<-tick.C
		if after, err := os.Stat(alive); err == nil && after.ModTime().Equal(before.ModTime()) {
			return
		}
	}
	t.Error("the command goes on after its client has gone")
}
