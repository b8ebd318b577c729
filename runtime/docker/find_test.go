package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
)

// withContext writes a docker configuration whose current context is name.
func withContext(t *testing.T, name, host string, tls bool) (dir string) {
	t.Helper()
	dir = t.TempDir()
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	write(t, filepath.Join(dir, "config.json"), `{"auths":{},"currentContext":"`+name+`"}`)
	write(t, filepath.Join(dir, "contexts/meta", id, "meta.json"),
		`{"Name":"`+name+`","Metadata":{},"Endpoints":{"docker":{"Host":"`+host+`","SkipTLSVerify":false}}}`)
	if tls {
		write(t, filepath.Join(dir, "contexts/tls", id, "docker/ca.pem"), "")
	}
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFindTakesTheFirstNamedElseTheFirstThatAnswers(t *testing.T) {
	desktop := withContext(t, "desktop", "tcp://desktop:1", true)
	missing := t.TempDir()
	write(t, filepath.Join(missing, "config.json"), `{"currentContext":"gone"}`)
	broken := t.TempDir()
	write(t, filepath.Join(broken, "config.json"), `{`)

	tests := []struct {
		name     string
		explicit string
		env      map[string]string
		up       []string
		host     string // given; empty is an error
		silent   bool   // and so is a named one that does not answer
		how      string
		tried    []string
	}{
		{name: "explicit before the environment", explicit: "tcp://x:1", env: map[string]string{"DOCKER_HOST": "tcp://env:1"},
			up: []string{"tcp://x:1", "tcp://env:1"}, host: "tcp://x:1", how: "--engine", tried: []string{"tcp://x:1"}},
		{name: "explicit and silent: no other is taken", explicit: "tcp://x:1",
			up: []string{"tcp://env:1", "tcp://one:1"}, host: "tcp://x:1", how: "--engine", silent: true, tried: []string{"tcp://x:1"}},
		{name: "environment before context", env: map[string]string{"DOCKER_HOST": "tcp://env:1", "DOCKER_CONFIG": desktop},
			up: []string{"tcp://env:1"}, host: "tcp://env:1", how: "DOCKER_HOST", tried: []string{"tcp://env:1"}},
		{name: "environment silent: no other is taken", env: map[string]string{"DOCKER_HOST": "tcp://env:1"},
			up: []string{"tcp://one:1"}, host: "tcp://env:1", how: "DOCKER_HOST", silent: true, tried: []string{"tcp://env:1"}},
		{name: "context before sockets", env: map[string]string{"DOCKER_CONFIG": desktop},
			up: []string{"tcp://desktop:1", "tcp://one:1"}, host: "tcp://desktop:1", how: "docker context desktop", tried: []string{"tcp://desktop:1"}},
		{name: "DOCKER_CONTEXT=default turns the context off", env: map[string]string{"DOCKER_CONFIG": desktop, "DOCKER_CONTEXT": "default"},
			up: []string{"tcp://one:1"}, host: "tcp://one:1", how: howUsual, tried: []string{"tcp://one:1"}},
		{name: "a context without its file is an error", env: map[string]string{"DOCKER_CONFIG": missing}, up: []string{"tcp://one:1"}, tried: []string{""}},
		{name: "a broken configuration is an error", env: map[string]string{"DOCKER_CONFIG": broken}, up: []string{"tcp://one:1"}, tried: []string{""}},
		{name: "sockets in order", env: map[string]string{"DOCKER_CONFIG": t.TempDir()},
			up: []string{"tcp://two:1"}, host: "tcp://two:1", how: howUsual, tried: []string{"tcp://one:1", "tcp://two:1"}},
		{name: "none", env: map[string]string{"DOCKER_CONFIG": t.TempDir()}, tried: []string{"tcp://one:1", "tcp://two:1"}},
		{name: "ssh", explicit: "ssh://me@far", up: []string{"ssh://me@far"}, host: "ssh://me@far", how: "--engine", silent: true, tried: []string{"ssh://me@far"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			silent := errors.New("silent")
			f := finder{
				getenv: func(name string) string { return tt.env[name] },
				ping: func(_ context.Context, e Endpoint) error {
					for _, host := range tt.up {
						if host == e.Host {
							return nil
						}
					}
					return silent
				},
				sockets: func(func(string) string) []string { return []string{"tcp://one:1", "tcp://two:1"} },
			}
			got, tried, err := f.find(t.Context(), tt.explicit)
			if (err != nil) != (tt.silent || tt.host == "") {
				t.Fatalf("error %v", err)
			}
			if got.Host != tt.host || got.How != tt.how {
				t.Errorf("found %s by %q, want %s by %q", got.Host, got.How, tt.host, tt.how)
			}
			var hosts []string
			for _, try := range tried {
				hosts = append(hosts, try.Host)
			}
			if diff := cmp.Diff(tt.tried, hosts); diff != "" {
				t.Errorf("tried (-want +got):\n%s", diff)
			}
			if err != nil && tried[len(tried)-1].Err == nil {
				t.Error("the last try has no error")
			}
		})
	}
}

func TestFindUsesTheContextsCertificates(t *testing.T) {
	dir := withContext(t, "far", "tcp://far:2376", true)
	e, err := currentContext(func(name string) string { return map[string]string{"DOCKER_CONFIG": dir}[name] })
	if err != nil || e.TLS == nil || !strings.HasSuffix(e.TLS.Cert, "/docker/cert.pem") {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := e.Client(); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("an empty CA file was taken: %v", err)
	}
	plain := withContext(t, "near", "unix:///near.sock", false)
	e, err = currentContext(func(name string) string { return map[string]string{"DOCKER_CONFIG": plain}[name] })
	if err != nil || e.TLS != nil {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestPing(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "engine.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			w.WriteHeader(http.StatusNotFound)
		}
	})}
	go server.Serve(listener)
	defer server.Close()

	if _, tried, err := Find(t.Context(), "unix://"+socket); err != nil {
		t.Fatal(err, tried)
	}
	for _, host := range []string{"unix://" + socket + ".none", "tcp://127.0.0.1:1"} {
		if _, _, err := Find(t.Context(), host); !errors.Is(err, runtime.ErrUnavailable) {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"ssh://me@far", "nonsense"} {
		if _, _, err := Find(t.Context(), host); err == nil || errors.Is(err, runtime.ErrUnavailable) {
			t.Errorf("%s: %v", host, err)
		}
	}
}
