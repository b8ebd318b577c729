package docker

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"volundr/runtime"
)

func configDir(getenv func(string) string) string {
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	return filepath.Join(getenv("HOME"), ".docker")
}

// currentContext reads the docker client's own choice: DOCKER_CONTEXT, or
// currentContext in config.json, looked up under contexts/meta. None, or the
// built-in "default", gives an empty endpoint and no error.
func currentContext(getenv func(string) string) (Endpoint, error) {
	dir, name := configDir(getenv), getenv("DOCKER_CONTEXT")
	if name == "" {
		var config struct {
			CurrentContext string `json:"currentContext"`
		}
		if err := readJSON(filepath.Join(dir, "config.json"), &config); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Endpoint{How: "docker context"}, fmt.Errorf("docker's configuration cannot be read: %w", err)
		}
		name = config.CurrentContext
	}
	if name == "" || name == "default" {
		return Endpoint{}, nil
	}

	// Folders are named by the digest of the context's name.
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	e := Endpoint{How: "docker context " + name}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := readJSON(filepath.Join(dir, "contexts", "meta", id, "meta.json"), &meta); err != nil {
		return e, fmt.Errorf("docker context %q is current but cannot be read (choose another with: docker context use default): %w, %w",
			name, runtime.ErrUnavailable, err)
	}
	engine := meta.Endpoints["docker"]
	if engine.Host == "" {
		return e, fmt.Errorf("docker context %q names no engine: %w", name, runtime.ErrUnavailable)
	}
	e.Host = engine.Host
	if files := filepath.Join(dir, "contexts", "tls", id, "docker"); exists(files) || engine.SkipTLSVerify {
		e.TLS = &TLS{
			CA: filepath.Join(files, "ca.pem"), Cert: filepath.Join(files, "cert.pem"), Key: filepath.Join(files, "key.pem"),
			SkipVerify: engine.SkipTLSVerify,
		}
	}
	return e, nil
}

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// httpClient speaks TLS with the files that are there.
func (t TLS) httpClient() (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.SkipVerify}
	if pem, err := os.ReadFile(t.CA); err == nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", t.CA)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if exists(t.Cert) && exists(t.Key) {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}}, nil
}
