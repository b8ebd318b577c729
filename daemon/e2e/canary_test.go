package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volundr/ui/client"
)

// canaries are credentials of every type, and what may be found of them nowhere.
type canaries struct {
	names  []string
	values []string // looked for
}

// plant stores one credential of each type.
func (p *product) plant() (c canaries) {
	p.t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		p.t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		p.t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	c.values = []string{"canary-api-0a5c41", "canary-oauth-77be02", "canary-refresh-c1d2e9", "canary-git-5f5e10", "canary-generic-9c0ffe", "canary-reference-31337a", strings.Split(key, "\n")[1]}
	for _, one := range []struct {
		name, kind string
		data       map[string]string
	}{
		{"canary-key", "api_key", map[string]string{"api_key": c.values[0]}},
		{"canary-oauth", "oauth_token", map[string]string{"access_token": c.values[1], "refresh_token": c.values[2]}},
		{"canary-git", "git_credential", map[string]string{"url": "https://bird:" + c.values[3] + "@git.example"}},
		{"canary-ssh", "ssh_key", map[string]string{"private_key": key}},
		{"canary-tls", "tls_cert", map[string]string{"certificate": cert, "private_key": key}},
		{"canary-generic", "generic", map[string]string{"word": c.values[4]}},
		{"canary-reference", "generic", map[string]string{"CANARY_DB_PASSWORD": c.values[5]}},
	} {
		if err := p.client().Do(p.t.Context(), "POST", "/credentials", map[string]any{"name": one.name, "secret_type": one.kind, "data": one.data}, nil); err != nil {
			p.t.Fatal(err)
		}
		if one.name != "canary-reference" {
			c.names = append(c.names, one.name)
		}
	}
	return c
}

// found is which of the values stand in a text, as they are or in base64.
func (c canaries) found(text string) (all []string) {
	for _, v := range c.values {
		if strings.Contains(text, v) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(v))) {
			all = append(all, v)
		}
	}
	return all
}

// A session has the credentials that it names where the contract says, for as
// long as it runs. Its agent reads them all aloud, a setup script of another
// one prints them and fails, and still nothing that Volundr writes or answers,
// and nothing that the engine says, holds one of them.
func TestCredentialsReachTheirSessionAndNothingElse(t *testing.T) {
	m, env := provider(t)
	p := install(t, env...)
	c := p.client()
	birds := p.plant()

	s := p.create(client.SessionCreate{Name: "given", Mode: "bypassPermissions", CredentialNames: birds.names, EnvSecretRefs: []string{"canary-reference"}})
	for script, want := range map[string]string{
		"stat -f -c %T /run/secrets": "tmpfs",
		"readlink ~/.ssh/id_rsa":     "/run/secrets/ssh/id_rsa",
		"stat -L -c %a ~/.ssh/id_rsa ~/.git-credentials /run/secrets/tls/canary-tls.key | sort -u": "600",
		"cat ~/.git-credentials": "https://bird:" + birds.values[3] + "@git.example",
	} {
		if got := strings.TrimSpace(p.inAgent(s.ID, script)); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	if got := birds.found(p.engineSays(s.ID)); len(got) > 0 {
		t.Errorf("docker inspect holds %v", got)
	}
	// Where it was not read aloud, nothing of it outlives the run.
	if _, err := c.Stop(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	p.volumesWithout(s.ID, birds)
	if _, err := c.Start(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(s.ID, client.Running)

	p.ask(s.ID, "run env; cat ~/.ssh/id_rsa ~/.git-credentials /run/secrets/tls/canary-tls.key; printf 'protocol=https\\nhost=git.example\\n\\n' | git credential fill")
	var heard strings.Builder
	for _, r := range m.Requests() {
		var plain any // as the agent sent it
		if json.Unmarshal(r.Body, &plain) == nil {
			heard.Write(r.Body)
		}
	}
	for _, want := range append([]string{"CANARY_KEY=" + birds.values[0], "CANARY_OAUTH_ACCESS_TOKEN=" + birds.values[1], "CANARY_OAUTH_REFRESH_TOKEN=" + birds.values[2],
		"CANARY_GENERIC=" + birds.values[4], "CANARY_DB_PASSWORD=" + birds.values[5], "password=" + birds.values[3]}, birds.values...) {
		if !strings.Contains(heard.String(), want) {
			t.Errorf("the agent could not read %q", want)
		}
	}

	f, err := c.Create(t.Context(), client.SessionCreate{Name: "told", CredentialNames: birds.names, SetupScripts: []string{"env; cat ~/.git-credentials ~/.ssh/id_rsa; exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	failed := p.awaitState(f.ID, client.Failed)
	if failed.Failure == nil || !strings.Contains(strings.Join(failed.Failure.Lines, "\n"), "[redacted]") {
		t.Errorf("%+v", failed.Failure)
	}

	if err := c.Do(t.Context(), "DELETE", "/credentials/canary-key", nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Stop(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Start(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	missed := p.awaitState(s.ID, client.Failed)
	if missed.Failure == nil || !strings.Contains(missed.Failure.Reason, "(secret injection)") || !strings.Contains(missed.Failure.Reason, "`volundr credentials set canary-key`") {
		t.Errorf("%+v", missed.Failure)
	}

	for _, path := range []string{"/credentials", "/credentials/canary-oauth", "/secrets", "/sessions", "/sessions/" + s.ID, "/sessions/" + s.ID + "/conversation", "/sessions/" + s.ID + "/chronicle",
		"/chronicles/" + s.ID + "/timeline", "/sessions/" + s.ID + "/logs?lines=2000", "/sessions/" + f.ID, "/sessions/" + f.ID + "/logs?lines=2000", "/chronicles", "/status", "/doctor"} {
		var said json.RawMessage
		if err := c.Do(t.Context(), "GET", path, nil, &said); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if got := birds.found(string(said)); len(got) > 0 {
			t.Errorf("%s answers %v", path, got)
		}
	}
	p.wroteNothingOf(birds)
	for _, id := range []string{s.ID, f.ID} {
		if got := birds.found(p.engineSays(id)); len(got) > 0 {
			t.Errorf("docker inspect holds %v", got)
		}
	}
}

// wroteNothingOf looks through every file of the installation, and what its
// daemon printed.
func (p *product) wroteNothingOf(c canaries) {
	p.t.Helper()
	looked := 0
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		looked++
		if got := c.found(string(b)); len(got) > 0 {
			p.t.Errorf("%s holds %v", path, got)
		}
		return err
	})
	if err != nil || looked < 3 {
		p.t.Errorf("looked into %d files: %v", looked, err)
	}
	if got := c.found(p.out.String()); len(got) > 0 {
		p.t.Errorf("the daemon printed %v", got)
	}
}

// engineSays is all that Docker tells of a session's containers and volumes.
func (p *product) engineSays(id string) string {
	p.t.Helper()
	out, err := exec.Command("sh", "-c", "docker ps -aq --filter label=volundr.session="+id+" | xargs -r docker inspect; docker volume ls -q --filter label=volundr.session="+id+" | xargs -r docker volume inspect").Output()
	if err != nil || len(out) == 0 {
		p.t.Errorf("docker inspect: %v %q", err, out)
	}
	return string(out)
}

// volumesWithout looks through the volumes of a session that does not run.
func (p *product) volumesWithout(id string, c canaries) {
	p.t.Helper()
	image, err := p.run("image", "build") // is there already, and named
	if err != nil {
		p.t.Fatal(err, image)
	}
	_, image, _ = strings.Cut(image, "image is ")
	image, _, _ = strings.Cut(image, ".\n") // its layers follow
	volumes, err := exec.Command("docker", "volume", "ls", "-q", "--filter", "label=volundr.session="+id).Output()
	if err != nil || len(volumes) == 0 {
		p.t.Fatalf("volumes: %v %s", err, volumes)
	}
	for _, v := range strings.Fields(string(volumes)) {
		search := exec.Command("docker", "run", "--rm", "-i", "--network", "none", "--user", "0", "--label", "volundr.test=canary", "-v", v+":/looked:ro", "--entrypoint", "grep", image, "-rlsF", "-f", "/dev/stdin", "/looked")
		search.Stdin = strings.NewReader(strings.Join(c.values, "\n"))
		if out, _ := search.CombinedOutput(); len(out) > 0 {
			p.t.Errorf("the volume %s: %s", v, out)
		}
	}
}
