package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"volundr/daemon/config"
)

// A process that is told to by its environment does one act, and is killed
// before its nth effect.
const mortal = "VOLUNDR_TEST_BACKUP"

func TestMain(m *testing.M) {
	if act := os.Getenv(mortal); act != "" {
		if err := die(act); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func die(act string) error {
	left, err := strconv.Atoi(os.Getenv(mortal + "_LEFT"))
	if err != nil {
		return err
	}
	cfg, err := config.Load(config.Flags{DataDir: os.Getenv(mortal + "_DIR")})
	if err != nil {
		return err
	}
	o := Options{Paths: cfg.Paths, File: os.Getenv(mortal + "_FILE"), Passphrase: asked, Keyring: ring(nil), Work: 8, Step: func(string) {
		if left--; left < 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}
	if act == "create" {
		_, err = Create(context.Background(), o)
	} else {
		_, err = Restore(context.Background(), o, nil)
	}
	return err
}

// killed runs an act in a process of its own, killed before its nth effect, and
// reports whether it came to its end before.
func (in *installation) killed(act, file string, n int) (ended bool) {
	in.t.Helper()
	cmd := exec.CommandContext(in.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), mortal+"="+act, mortal+"_LEFT="+strconv.Itoa(n), mortal+"_DIR="+in.paths.Data, mortal+"_FILE="+file)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return true
	}
	gone := (*exec.ExitError)(nil)
	if !errors.As(err, &gone) || gone.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		in.t.Fatalf("%s, killed at %d: %v %s", act, n, err, out)
	}
	return false
}

func TestCreateIsKilledAnywhere(t *testing.T) {
	in := newInstallation(t, nil)
	dir := t.TempDir()
	for n := 0; ; n++ {
		file := filepath.Join(dir, "a.backup")
		ended := in.killed("create", file, n)
		if _, err := os.Stat(file); err == nil != ended {
			t.Fatalf("killed at %d: %v", n, err)
		}
		if !ended {
			in.intact(true)
			continue
		}
		if n < 10 {
			t.Errorf("only %d effects", n)
		}
		if _, err := Verify(t.Context(), in.options(file, asked)); err != nil {
			t.Error(err)
		}
		break
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v %v", left, err)
	}
}

// One directory is restored to again and again, killed a little later each time:
// a daemon never finds half of it.
func TestRestoreIsKilledAnywhere(t *testing.T) {
	in := newInstallation(t, nil)
	file := in.backedUp(asked)
	to := in.empty(nil)
	for n := 0; ; n++ {
		if to.killed("restore", file, n) {
			if n < 15 {
				t.Errorf("only %d effects", n)
			}
			break
		}
		if used := to.used(); used != "" && !Unfinished(to.paths.Data) {
			t.Errorf("killed at %d: %s is there, and daemons are let in", n, used)
		}
	}
	to.intact(true)
}

// The same, each time in a directory of its own.
func TestARestoreThatWasKilledIsBegunAnew(t *testing.T) {
	in := newInstallation(t, nil)
	file := in.backedUp(asked)
	for n := 1; ; n += 3 {
		to := in.empty(nil)
		ended := to.killed("restore", file, n)
		if ended {
			to.intact(true)
			return
		}
		_, err := Restore(t.Context(), to.options(file, asked), nil)
		in.check(err)
		to.intact(true)
	}
}
