package e2e

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"volundr/ui/client"
)

// TestSandboxKillsBetweenWrites kills the daemon before and after every write to
// its database, one by one, by which a sandbox is made and ended: the next daemon
// has what a client was told of, or one more that is whole, and leaves nothing of
// what was ended.
func TestSandboxKillsBetweenWrites(t *testing.T) {
	count := filepath.Join(t.TempDir(), "left")
	s := &sandboxes{place: sandboxPlace(t)}
	s.product = prepare(t, t.TempDir(), "VOLUNDR_MORTAL="+count)
	s.own = mortal(t)
	t.Cleanup(s.empty)
	listen := freePort(t)
	s.url = "http://" + listen
	s.configure(fmt.Sprintf("sandbox:\n  listen: %s\n  auth: none\n  pool:\n    size: 0\n", listen))
	s.begin()
	if err := s.v1.DeleteSandbox(t.Context(), s.sandbox(client.SandboxCreate{})); err != nil { // its image is there
		t.Fatal(err)
	}
	s.none()
	deaths := 0
	for n := 0; ; n++ {
		if n > 60 {
			t.Fatalf("%d deaths, and no end", deaths)
		}
		if err := os.WriteFile(count, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
		id, ended := s.brief()
		s.eventually(limit, "it is dead, or has nothing more to do", func() bool {
			_, err := os.Stat(count)
			return err != nil || len(s.containers("")) == 0 && s.rows() == 0
		})
		died := os.Remove(count) != nil // the daemon did
		if died {
			deaths++
			<-s.end
			s.cmd = nil
			s.begin()
		}
		where := fmt.Sprintf("killed at write %d", n)
		all, err := s.v1.Sandboxes(t.Context())
		if err != nil || len(all) > 1 {
			t.Fatalf("%s: %+v, %v", where, all, err)
		}
		if id != "" && ended == nil && len(all) > 0 {
			t.Errorf("%s: its deletion was acknowledged, and there is %+v", where, all)
		}
		for _, there := range all { // whole, though perhaps nobody was told of it
			if out, code := s.sh(there.ID, "echo works"); code != 0 || out != "works\n" || id != "" && there.ID != id {
				t.Errorf("%s: %s answers %q, %d", where, there.ID, out, code)
			}
			if err := s.v1.DeleteSandbox(t.Context(), there.ID); err != nil {
				t.Errorf("%s: %v", where, err)
			}
		}
		if id != "" {
			if a := s.ask("GET", "/v1/sessions/"+id, ""); a.status != 404 {
				t.Errorf("%s: deleted, and %d %s", where, a.status, a.body)
			}
		}
		s.none()
		if !died {
			break
		}
	}
	if deaths < 7 {
		t.Errorf("only %d deaths: create and delete write more often", deaths)
	}
	t.Logf("%d deaths", deaths)
}

// brief makes a sandbox and ends it, as far as there is a daemon. id is what it
// was told of.
func (s *sandboxes) brief() (id string, ended error) {
	made, err := s.v1.CreateSandbox(s.t.Context(), client.SandboxCreate{})
	if err != nil {
		return "", err
	}
	return made.ID, s.v1.DeleteSandbox(s.t.Context(), made.ID)
}

// rows counts the sandboxes in the daemon's database.
func (s *sandboxes) rows() (n int) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "volundr.db")+"?_pragma=busy_timeout(10000)&_pragma=query_only(1)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT count(*) FROM sessions WHERE kind = 'sandbox'").Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// mortal builds an executable whose daemon can be killed at a write.
func mortal(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "volundr")
	if out, err := exec.Command("go", "build", "-tags", "mortal", "-o", path, "volundr").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}
