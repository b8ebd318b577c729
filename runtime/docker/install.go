package docker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"

	"volundr/runtime"
)

// engineParts are the programs that an engine needs on the host, and Debian's
// packages of them.
var engineParts = map[string]string{"dockerd": "docker.io", "iptables": "iptables"}

// startLimit bounds the wait for a freshly started engine (about 8 s on a small
// machine).
const startLimit = 60 * time.Second

// Install makes a Docker engine answer on this machine and returns it. One that
// answers already is left alone, and one that the user named (DOCKER_HOST, a
// docker context) is never replaced by another. Otherwise, as root on Debian or
// Ubuntu, the engine is installed with apt-get (output to out) and started: by
// systemd if that runs here, else by hand, detached, with its log in dir.
// Anywhere else ErrUnsupported says in one sentence what to install.
func Install(ctx context.Context, dir string, out io.Writer) (Endpoint, error) {
	e, tried, err := Find(ctx, "")
	if err == nil {
		return e, nil
	}
	if len(tried) > 0 && tried[0].How != howUsual {
		return Endpoint{}, err
	}
	if !canInstall() {
		return Endpoint{}, fmt.Errorf("%w: %w", runtime.ErrUnsupported, err)
	}
	var missing []string
	for program, pkg := range engineParts {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, pkg)
		}
	}
	if len(missing) > 0 {
		if err := aptInstall(ctx, out, missing...); err != nil {
			return Endpoint{}, fmt.Errorf("install a Docker engine: %w", err)
		}
		// The package may have started it.
		if e, _, err := Find(ctx, ""); err == nil {
			return e, nil
		}
	}
	engine := dockerd{Dir: dir}
	if err := engine.start(ctx); err != nil {
		return Endpoint{}, err
	}
	return engine.wait(ctx)
}

// dockerd is an engine that we start.
type dockerd struct {
	Dir  string   // for its log
	Args []string // tests put it beside a running one
	Host string   // empty: where Find looks
}

func (d dockerd) logFile() string { return filepath.Join(d.Dir, "dockerd.log") }

func (d dockerd) start(ctx context.Context) error {
	if exists("/run/systemd/system") && d.Args == nil {
		if b, err := exec.CommandContext(ctx, "systemctl", "enable", "--now", "docker").CombinedOutput(); err != nil {
			return fmt.Errorf("start the Docker engine: %w: %s (see: journalctl -u docker)", err, bytes.TrimSpace(b))
		}
		return nil
	}
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return fmt.Errorf("start the Docker engine: %w", err)
	}
	log, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("start the Docker engine: %w", err)
	}
	defer log.Close()
	if d.Args == nil {
		dropStale("/var/run/docker.pid", "dockerd")
		dropStale("/var/run/docker/containerd/containerd.pid", "containerd")
	}
	// Not bound to ctx: it outlives us. It keeps its usual pid file, so a second
	// one that races it ends by itself.
	cmd := exec.Command("dockerd", d.Args...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, detached()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the Docker engine: %w", err)
	}
	return cmd.Process.Release()
}

// dropStale removes the pid file of a program that was killed: its number may
// be another process's by now, and the engine would then refuse to start.
func dropStale(file, program string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return
	}
	comm, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(raw)), "comm"))
	if err != nil || strings.TrimSpace(string(comm)) != program {
		os.Remove(file)
	}
}

// wait polls until the engine answers.
func (d dockerd) wait(ctx context.Context) (Endpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		e, _, err := Find(ctx, d.Host)
		if err == nil {
			return e, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return Endpoint{}, fmt.Errorf("the Docker engine was started but does not answer: %w%s", err, lastLines(d.logFile()))
		}
	}
}

func lastLines(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return "" // systemd keeps the log itself
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return "; the end of " + file + ":\n" + strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// canInstall reports whether apt-get may be used here.
func canInstall() bool {
	return goruntime.GOOS == "linux" && os.Geteuid() == 0 && debianLike("/etc/os-release")
}

func debianLike(osRelease string) bool {
	b, err := os.ReadFile(osRelease)
	if err != nil {
		return false
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		if key != "ID" && key != "ID_LIKE" {
			continue
		}
		for _, id := range strings.Fields(strings.Trim(value, `"'`)) {
			if id == "debian" || id == "ubuntu" {
				return true
			}
		}
	}
	return false
}

func aptInstall(ctx context.Context, out io.Writer, packages ...string) error {
	apt := func(args ...string) error {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
		}
		return nil
	}
	// A list that does not load must not keep the packages away that did.
	stale := apt("update", "-q")
	if err := apt(append([]string{"install", "-y", "-q", "--no-install-recommends"}, packages...)...); err != nil {
		return errors.Join(err, stale)
	}
	return nil
}

// installAdvice is the next step on this system, as a sentence without its stop.
func installAdvice() string {
	switch {
	case goruntime.GOOS == "darwin":
		return "install Docker Desktop, OrbStack or Colima and start it"
	case goruntime.GOOS == "windows":
		return "install Docker Desktop and start it"
	case debianLike("/etc/os-release"):
		return "install it with: sudo apt-get install docker.io, and add yourself to the group docker"
	default:
		return "install Docker Engine (https://docs.docker.com/engine/install/) or Podman and start it"
	}
}
