package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volundr/ui/client"
)

// A session begun from a template has what the template says, in real
// containers: environment, bounds, the file that git ignores, and what its
// setup script made before the agent; after a restart without the template, and
// reforged, too. A setup script that fails stops the launch and is shown.
func TestASessionFromATemplate(t *testing.T) {
	_, env := provider(t)
	p := prepare(t, t.TempDir(), env...)
	repo := repository(t)
	p.write("config.yaml", "local_mounts:\n  enabled: true\n  allowed_prefixes: ["+filepath.Dir(filepath.Dir(repo))+"]\n")
	p.write("profiles/small.yaml", "resource_config: {cpu: 1.5, memory: 2Gi}\nenv: {LAYER: profile, SIZE: small}\n")
	p.write("templates/widgets.yaml", "profile_name: small\nsource: {repo: "+repo+", branch: main}\nfiles: [.env]\nenv: {LAYER: template, PORT: 8080}\n"+
		"setup_scripts:\n  - . ./.env; echo made with $SECRET on $PORT >> made.txt\n")
	p.write("templates/broken.yaml", "setup_scripts:\n  - echo before it; echo the compiler is missing >&2; exit 3\n")
	if err := os.WriteFile(filepath.Join(repo, ".env"), []byte("SECRET=sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	c := p.client()

	s := p.create(client.SessionCreate{Name: "made", TemplateName: "widgets", Env: map[string]string{"TYPED": "yes"}})
	furnished := func(id string) {
		t.Helper()
		for script, want := range map[string]string{
			"cat /workspace/README.md":                   "# Example",
			"cat /workspace/made.txt":                    "made with sesame on 8080",
			"cat /workspace/.env":                        "SECRET=sesame",
			"echo $LAYER $SIZE $TYPED $PORT":             "template small yes 8080",
			"stat -c %a /workspace/.env":                 "600",
			"grep -c 'made with' ~/.volundr/setup.log":   "1",
			"git -C /workspace rev-parse --abbrev-ref @": "main",
		} {
			if got := strings.TrimSpace(p.inAgent(id, script)); got != want {
				t.Errorf("%s: %q, want %q", script, got, want)
			}
		}
		bounds := p.inspect(id, "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}")
		if bounds != fmt.Sprintf("%d %d", 1_500_000_000, 2<<30) {
			t.Errorf("bounds of the agent: %s", bounds)
		}
	}
	furnished(s.ID)

	for _, name := range []string{"templates/widgets.yaml", "profiles/small.yaml"} {
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Stop(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	again, err := c.Reforge(t.Context(), s.ID, client.Reforge{})
	if err != nil {
		t.Fatal(err)
	}
	p.awaitState(again.ID, client.Running)
	// What the first script made is untracked work and comes along; it ran again.
	if got := p.inAgent(again.ID, "cat /workspace/made.txt /workspace/.env"); !strings.Contains(got, "made with sesame on 8080\n") || !strings.HasSuffix(got, "SECRET=sesame\n") {
		t.Errorf("reforged: %s", got)
	}
	if err := c.Delete(t.Context(), again.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Start(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(s.ID, client.Running)
	furnished(s.ID) // and the script did not run again

	f, err := c.Create(t.Context(), client.SessionCreate{Name: "broken", TemplateName: "broken"})
	if err != nil {
		t.Fatal(err)
	}
	got := p.awaitState(f.ID, client.Failed).Failure
	if got == nil || !strings.HasPrefix(got.Reason, "Setup script 1 of 1 failed (exit status 3): echo before it") ||
		strings.Join(got.Lines, "\n") != "before it\nthe compiler is missing" {
		t.Errorf("%+v", got)
	}
}

// write puts a file into the installation's configuration directory.
func (p *product) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// inspect is what Docker says of the agent's container.
func (p *product) inspect(id, format string) string {
	p.t.Helper()
	name, err := exec.Command("docker", "ps", "-q", "--filter", "label=volundr.session="+id, "--filter", "label=volundr.part=agent").Output()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := exec.Command("docker", "inspect", "--format", format, strings.TrimSpace(string(name))).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}
