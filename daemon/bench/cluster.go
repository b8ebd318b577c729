package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// kube is the test cluster that VOLUNDR_KUBECONFIG names, with nothing in it but
// what is measured.
type kube struct {
	*bench
	kubeconfig     string
	image, sandbox string // that it has
	program        string // the cluster's executable, which is kubectl too
	server         string // URL of the API
	http           *http.Client
}

// cannot is what a script ends with that says why it was not run.
const cannot = 77

// cluster: sessions on Kubernetes, beside kubectl. Where no cluster is named, one
// is started for it, if this machine can have one.
func cluster(ctx context.Context, b *bench) (rows []row, err error) {
	if os.Getenv("VOLUNDR_KUBECONFIG") == "" {
		return b.onCluster(ctx)
	}
	k := &kube{bench: b, kubeconfig: os.Getenv("VOLUNDR_KUBECONFIG"), image: os.Getenv("VOLUNDR_KUBE_IMAGE"),
		sandbox: os.Getenv("VOLUNDR_KUBE_SANDBOX_IMAGE"), program: os.Getenv("VOLUNDR_CLUSTER")}
	if err := k.connect(ctx); err != nil {
		return nil, err
	}
	defer k.http.CloseIdleConnections()
	for _, measure := range []func(context.Context) ([]row, error){k.starts, k.many} {
		more, err := measure(ctx)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// connect reads the kubeconfig as kubectl does. Forwards pass the connection on,
// which HTTP/2 cannot.
func (k *kube) connect(ctx context.Context) error {
	raw, err := k.kubectl(ctx, nil, "config", "view", "--raw", "-o", "json")
	if err != nil {
		return err
	}
	var conf struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
				CA     []byte `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			User struct {
				Cert []byte `json:"client-certificate-data"`
				Key  []byte `json:"client-key-data"`
			} `json:"user"`
		} `json:"users"`
	}
	if err := json.Unmarshal(raw, &conf); err != nil {
		return err
	}
	if len(conf.Clusters) != 1 || len(conf.Users) != 1 {
		return fmt.Errorf("%s does not name one cluster and one user", k.kubeconfig)
	}
	pair, err := tls.X509KeyPair(conf.Users[0].User.Cert, conf.Users[0].User.Key)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(conf.Clusters[0].Cluster.CA)
	k.server = conf.Clusters[0].Cluster.Server
	k.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}}}
	return nil
}

// onCluster has this program measured once more, on a cluster of its own.
func (b *bench) onCluster(ctx context.Context) (rows []row, err error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	volundr, err := filepath.Abs(b.volundr)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "bash", ".ci/on-cluster", own, "-only", "kubernetes", "-json", "-rounds", strconv.Itoa(b.rounds), "-volundr", volundr)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } // it takes the cluster down
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, b.log
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == cannot {
		b.say("kubernetes: not measured on this machine")
		return nil, nil
	}
	if failed := json.Unmarshal(out.Bytes(), &rows); err == nil {
		err = failed
	}
	return rows, err
}

// settings are those of a daemon whose sessions and sandboxes run on the cluster.
func (k *kube) settings(kubeconfig string) string {
	return fmt.Sprintf("runtime: kubernetes\nkubernetes:\n  kubeconfig: %q\n  images: {session: %q, sandbox: %q}\n  volume_gb: {workspace: 1, home: 1, journal: 1}\n",
		kubeconfig, k.image, k.sandbox)
}

// kubectl runs upstream's and gives what it printed.
func (k *kube) kubectl(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	cmd := k.command(ctx, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, complaint.String())
	}
	return out.Bytes(), nil
}

func (k *kube) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, k.program)
	cmd.Args = append([]string{"kubectl", "--kubeconfig", k.kubeconfig}, args...)
	return cmd
}

// ask calls the API server.
func (k *kube) ask(ctx context.Context, method, path, kind string, in, into any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, k.server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	res, err := k.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, raw)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// key opens the brokers of an installation's sessions.
func (p *product) key() (ed25519.PrivateKey, error) {
	raw, err := os.ReadFile(filepath.Join(p.dir, "keys", "link.pem"))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil || len(block.Bytes) != ed25519.SeedSize {
		return nil, errors.New("the daemon's key cannot be read")
	}
	return ed25519.NewKeyFromSeed(block.Bytes), nil
}
