package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// place is what the sandboxes of an installation run on, looked at from outside
// by the place's own means.
type place interface {
	// away has a daemon make them where nothing answers.
	away() string
	// names gives an installation's sandboxes of which anything is there, or the
	// one that is named.
	names(installation, name string) ([]string, error)
	alive(name string) (bool, error)
	// processes are the command lines of what runs in one, or an error.
	processes(name string) (string, error)
	// marks are its labels, and whatever else stands on it.
	marks(name string) (map[string]string, error)
	// foreign runs one that is not ours, from the image of one that is.
	foreign(name, like string, labels map[string]string) error
	discard(name string) error
	// toll stands between a daemon and what makes sandboxes; through is the
	// daemon's way by it.
	toll(t *testing.T) (x *toll, through string)
	// making are the calls by which one is made; looking is that which finds it
	// gone.
	making() []call
	looking() call
}

// call is one to a place, by the beginning and the end of its path.
type call struct{ method, begins, ends string }

// sandboxPlace is where they are tried: in Docker, or where VOLUNDR_E2E_ON says.
func sandboxPlace(t *testing.T) place {
	t.Helper()
	if onKubernetes() {
		return newPods(t)
	}
	return containers{}
}

// onlyInDocker skips what no cluster can do.
func onlyInDocker(t *testing.T, why string) {
	t.Helper()
	if onKubernetes() {
		t.Skip("no cluster can: " + why)
	}
}

// containers is the Docker engine that is found.
type containers struct{}

func (containers) away() string { return "engine: unix:///nowhere/engine.sock\n" }

func (containers) names(installation, name string) ([]string, error) {
	args := []string{"ps", "-a", "--format", "{{.Names}}", "--filter", "label=volundr.installation=" + installation,
		"--filter", "label=app=code-interpreter"}
	if name != "" {
		args = append(args, "--filter", "name=^/?"+name+"$")
	}
	out, err := exec.Command("docker", args...).Output()
	return strings.Fields(string(out)), err
}

func (containers) alive(name string) (bool, error) {
	out, err := exec.Command("docker", "ps", "-q", "--filter", "name=^/?"+name+"$").Output()
	return len(out) > 0, err
}

func (containers) processes(name string) (string, error) {
	out, err := exec.Command("docker", "top", name, "-eo", "pid,args").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return string(out), err
}

func (containers) marks(name string) (map[string]string, error) {
	out, err := exec.Command("docker", "inspect", "--format", `{{range $k, $v := .Config.Labels}}{{$k}}={{$v}}{{"\n"}}{{end}}`, name).Output()
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		all[key] = value
	}
	return all, err
}

func (containers) foreign(name, like string, labels map[string]string) error {
	image, err := exec.Command("docker", "inspect", "--format", "{{.Image}}", like).Output()
	if err != nil {
		return err
	}
	args := []string{"run", "-d", "--name", name, "--network", "none"}
	for key, value := range labels {
		args = append(args, "--label", key+"="+value)
	}
	out, err := exec.Command("docker", append(args, "--entrypoint", "sleep", strings.TrimSpace(string(image)), "600")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (containers) discard(name string) error {
	return exec.Command("sh", "-c", "docker rm -f "+name+" >/dev/null 2>&1; true").Run() // it may be on its way already
}

func (containers) toll(t *testing.T) (*toll, string) {
	x := newToll(t)
	return x, "engine: unix://" + x.socket + "\n"
}

func (containers) making() []call {
	return []call{{"POST", "containers/create", ""}, {"POST", "containers/", "/attach"}, {"POST", "containers/", "/start"}}
}

func (containers) looking() call { return call{"GET", "containers/json", ""} }
