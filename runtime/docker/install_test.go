package docker

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volundr/runtime"
)

func TestInstallLeavesAnAnsweringEngineAlone(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "engine.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go server.Serve(listener)
	defer server.Close()
	t.Setenv("DOCKER_HOST", "unix://"+socket)

	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "engine")
	e, err := Install(t.Context(), dir, &out)
	if err != nil || e.Host != "unix://"+socket {
		t.Fatal(e, err)
	}
	if out.Len() > 0 || exists(dir) {
		t.Errorf("it did something: %q", out.String())
	}
}

func TestInstallNeverReplacesANamedEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	var out bytes.Buffer
	_, err := Install(t.Context(), t.TempDir(), &out)
	if !errors.Is(err, runtime.ErrUnavailable) || !strings.Contains(err.Error(), "DOCKER_HOST") || out.Len() > 0 {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestDebianLike(t *testing.T) {
	for text, want := range map[string]bool{
		"PRETTY_NAME=\"Debian\"\nID=debian\n":        true,
		"NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian": true,
		"ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n":  true,
		"ID=fedora\nVERSION_ID=42\n":                 false,
		"NAME=debian\n":                              false,
		"":                                           false,
	} {
		file := filepath.Join(t.TempDir(), "os-release")
		write(t, file, text)
		if got := debianLike(file); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if debianLike("/does/not/exist") {
		t.Error("no file at all")
	}
}

func TestOnlyPidFilesOfTheDeadAreDropped(t *testing.T) {
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Skip("no /proc on this system")
	}
	for program, kept := range map[string]bool{strings.TrimSpace(string(comm)): true, "dockerd": false} {
		file := filepath.Join(t.TempDir(), "pid")
		if err := os.WriteFile(file, fmt.Appendln(nil, os.Getpid()), 0o600); err != nil {
			t.Fatal(err)
		}
		dropStale(file, program)
		if _, err := os.Stat(file); (err == nil) != kept {
			t.Errorf("pid file of %s: %v, want kept %t", program, err, kept)
		}
	}
}
