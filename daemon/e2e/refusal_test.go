package e2e

import (
	"database/sql"
	"net"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"volundr/store"
)

// TestADaemonThatCannotStartSaysWhy, in the foreground and behind `volundr up`,
// and touches nothing.
func TestADaemonThatCannotStartSaysWhy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	newer := t.TempDir()
	fromTheFuture(t, filepath.Join(newer, "volundr.db"))
	for name, c := range map[string]struct {
		dir  string
		args []string
		says []string
	}{
		"a port that is taken":     {t.TempDir(), []string{"--listen", taken.Addr().String()}, []string{"cannot be listened on", "--listen"}},
		"a newer database":         {newer, []string{"--listen", freePort(t)}, []string{"written by a newer Volundr", "install that version again"}},
		"an address for everybody": {t.TempDir(), []string{"--listen", "0.0.0.0:7420"}, []string{"can be reached from other machines", "127.0.0.1:7420"}},
		"an engine that is not there": {t.TempDir(), []string{"--listen", freePort(t), "--engine", "ssh://me@far"},
			[]string{"an engine over ssh is", "forward its socket"}},
	} {
		p := &product{t: t, dir: c.dir}
		for _, args := range [][]string{{"up"}, {"up", "--foreground"}} {
			out, err := p.run(append(args, c.args...)...)
			if err == nil {
				t.Errorf("%s: `volundr %s` says nothing: %s", name, strings.Join(args, " "), out)
			}
			for _, text := range c.says {
				if !strings.Contains(out, text) {
					t.Errorf("%s: `volundr %s` says %q, without %q", name, strings.Join(args, " "), out, text)
				}
			}
			if strings.Count(strings.TrimSpace(out), "\n") > 0 {
				t.Errorf("%s: `volundr %s` says more than a sentence:\n%s", name, strings.Join(args, " "), out)
			}
		}
	}
}

// fromTheFuture makes a database as a later version would have left it.
func fromTheFuture(t *testing.T, path string) {
	t.Helper()
	db, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Exec("PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
}
