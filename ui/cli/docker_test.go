package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// Stories with sessions in them: a real engine, the real session image, the
// real agent. Only the provider of models is scripted. Without an engine they
// are skipped, unless VOLUNDR_REQUIRE_DOCKER=1 forbids it.
func TestStoriesOnDocker(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, filepath.Join(binaries, "volundr"), "doctor").CombinedOutput(); err != nil {
		if os.Getenv("VOLUNDR_REQUIRE_DOCKER") == "1" {
			t.Fatalf("no Docker engine answers: %s", out)
		}
		t.Skipf("no Docker engine answers: %s", out)
	}
	m := model.New()
	url, err := m.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	p := params("docker")
	home := p.Setup
	p.Setup = func(e *testscript.Env) error {
		for _, kept := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "SSL_CERT_FILE"} {
			e.Setenv(kept, os.Getenv(kept))
		}
		e.Setenv("ANTHROPIC_BASE_URL", url)
		e.Setenv("ANTHROPIC_API_KEY", "sk-test")
		if err := home(e); err != nil {
			return err
		}
		e.Setenv("ENGINE", "")
		return nil
	}
	p.Deadline = time.Now().Add(10 * time.Minute)
	testscript.Run(t, p)
}

// sweep deletes what sessions a story left, before its daemon ends.
func sweep(ts *testscript.TestScript) {
	run := func(args ...string) []byte {
		cmd := exec.Command(filepath.Join(binaries, "volundr"), args...)
		cmd.Env = environment(ts)
		out, _ := cmd.Output() // no daemon, no sessions
		return out
	}
	var left []client.Session
	_ = json.Unmarshal(run("sessions", "list", "--archived", "--json"), &left)
	for _, s := range left {
		run("sessions", "delete", "--yes", s.ID)
	}
	run("down")
}
