package e2e

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// registry is one that asks for a login, at an address of 127.0.0.1.
type registry struct {
	at         string
	user, word string
	config     string
}

const registryConfiguration = `version: 0.1
storage: {filesystem: {rootdirectory: %q}}
http: {addr: %q}
auth: {htpasswd: {realm: ours, path: %q}}
`

// newRegistry runs Debian's docker-registry on this machine, and once more on
// the cluster's node, which has a network of its own: both keep what they have
// in one folder.
func newRegistry(t *testing.T) *registry {
	t.Helper()
	dir := t.TempDir()
	r := &registry{at: freePort(t), user: "ann", word: "s3cret-of-the-registry", config: filepath.Join(dir, "config.yml")}
	hash, err := bcrypt.GenerateFromPassword([]byte(r.word), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(dir, "users")
	for path, text := range map[string]string{
		users:    r.user + ":" + string(hash) + "\n",
		r.config: fmt.Sprintf(registryConfiguration, filepath.Join(dir, "images"), r.at, users),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.serve(t)
	first, err := os.ReadFile(filepath.Join(filepath.Dir(os.Getenv(envKubeconfig)), "first.pid"))
	if err != nil {
		t.Skipf("the cluster is none of ours (%v): make test-kube runs this", err)
	}
	r.serve(t, "nsenter", "--net", "--target", strings.TrimSpace(string(first)))
	eventually(t, limit, "the registry asks for a login", func() bool {
		res, err := http.Get("http://" + r.at + "/v2/")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusUnauthorized
	})
	return r
}

func (r *registry) serve(t *testing.T, in ...string) {
	t.Helper()
	line := append(in, "docker-registry", "serve", r.config)
	cmd := exec.Command(line[0], line[1:]...)
	said := &printed{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (make setup installs what the tests need)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%v said:\n%s", line, last([]byte(said.String()), 2000))
		}
	})
}

// login is what `docker login` writes down, and a cluster's Secret for pulling holds.
func (r *registry) login() []byte {
	auth := base64.StdEncoding.EncodeToString([]byte(r.user + ":" + r.word))
	b, _ := json.Marshal(map[string]any{"auths": map[string]any{r.at: map[string]any{"auth": auth}}})
	return b
}

// An image that is pushed to a registry is what the cluster runs, pulled with a
// login; without one, neither gets there, and the sentence says what to do.
func TestClusterPullsWhatWasPushed(t *testing.T) {
	config := besideDocker(t)
	reg := newRegistry(t)
	logins := t.TempDir()
	p := prepare(t, t.TempDir(), "DOCKER_CONFIG="+logins)

	name := reg.at + "/team/volundr-sandbox"
	said, err := p.run("image", "push", "--sandbox", name)
	if err == nil || !strings.Contains(said, "docker login "+reg.at) {
		t.Fatalf("a push without a login: %v\n%s", err, said)
	}
	if err := os.WriteFile(filepath.Join(logins, "config.json"), reg.login(), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err = p.run("image", "push", "--sandbox", name); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	ref := regexp.MustCompile(`config set kubernetes\.images\.sandbox (\S+)`).FindStringSubmatch(said)
	if ref == nil || !strings.HasPrefix(ref[1], name+":") {
		t.Fatalf("it does not say how the image is used:\n%s", said)
	}

	own := newPods(t)
	secret := fmt.Sprintf("pull-%d", time.Now().UnixNano())
	const secrets = "/api/v1/namespaces/default/secrets"
	body, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": secret}, "type": "kubernetes.io/dockerconfigjson",
		"data": map[string]any{".dockerconfigjson": reg.login()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := own.ask("POST", secrets, body, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.ask("DELETE", secrets+"/"+secret, nil, nil); err != nil && !errors.Is(err, errGone) {
			t.Error(err)
		}
	})
	p.on = "runtime: kubernetes\n" + strings.Replace(config, fmt.Sprintf("sandbox: %q", os.Getenv(envKubeSandbox)), fmt.Sprintf("sandbox: %q", ref[1]), 1)
	p.configure("")
	p.start()
	if said, err := p.run("sandbox", "run", "echo got here"); err == nil || !strings.Contains(said, "pull the image") {
		t.Errorf("the cluster has no login, and still: %v\n%s", err, said)
	}
	p.down()
	p.on += fmt.Sprintf("  pull_secrets: [%s]\n", secret)
	p.configure("")
	p.start()
	if said, err := p.run("sandbox", "run", "echo got here"); err != nil || said != "got here\n" {
		t.Errorf("%v\n%s", err, said)
	}
}
