package e2e

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"volundr/ui/client"
)

// newClusterPath is a way to the cluster's API server that is cut, and a
// kubeconfig that goes by it.
func newClusterPath(t *testing.T) (path *enginePath, kubeconfig string) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(os.Getenv(envKubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range config.Clusters {
		server, err := url.Parse(c.Server)
		if err != nil {
			t.Fatal(err)
		}
		path = newPath(t, "tcp", freePort(t), server.Host)
		c.Server = "https://" + path.socket
	}
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return path, kubeconfig
}

// TestAClusterThatDoesNotAnswer, silent when the daemon starts, then refusing,
// then there, then gone under a session that runs: everybody is told in a
// sentence, what is asked for is done when it is back, nothing is concluded of
// what ran there, and what runs in Docker beside it goes on.
func TestAClusterThatDoesNotAnswer(t *testing.T) {
	besideDocker(t)
	_, env := provider(t)
	cluster, kubeconfig := newClusterPath(t)
	p := prepare(t, t.TempDir(), env...)
	p.on = clusterSettings(kubeconfig)
	p.configure("")
	silence, err := net.Listen("tcp", cluster.socket) // takes connections, and nobody reads them
	if err != nil {
		t.Fatal(err)
	}
	defer silence.Close()
	p.start()
	c := p.client()
	beside := p.create(client.SessionCreate{Name: "beside"})
	if beside.Runtime != "docker" {
		t.Errorf("the session beside runs on %s", beside.Runtime)
	}
	far, err := c.Create(t.Context(), client.SessionCreate{Name: "far", Runtime: "kubernetes"})
	if err != nil {
		t.Fatal(err)
	}
	p.away(far, "waiting for Kubernetes, which does not answer")
	p.besideWorks(beside, "while the cluster is silent")

	if err := silence.Close(); err != nil {
		t.Fatal(err)
	}
	p.away(far, "waiting for Kubernetes, which does not answer")
	p.besideWorks(beside, "while the cluster refuses")

	cluster.mend()
	p.awaitState(far.ID, client.Running)
	if out := p.ask(far.ID, "are you there"); !strings.Contains(out, "are you there") {
		t.Errorf("the agent on the cluster answers %q", out)
	}
	p.eventually(limit, "the trouble is over", func() bool {
		st, err := c.Status(t.Context())
		return err == nil && len(st.Trouble) == 0
	})

	cluster.cut()
	p.away(far, "Kubernetes does not answer; the session ran when it was seen last")
	p.besideWorks(beside, "while the cluster is gone")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	c.Stop(ctx, far.ID) // the wish stands though nobody waits for it
	cancel()
	if now, err := c.Get(t.Context(), far.ID); err != nil || now.Status != client.Running && now.Status != client.Stopping || now.Failure != nil {
		t.Errorf("without the cluster the session is %+v, %v", now, err)
	}
	p.kill() // and by a daemon that starts meanwhile
	p.start()
	p.away(far, "Kubernetes, which does not answer")
	cluster.mend()
	p.awaitState(far.ID, client.Stopped)
	if _, err := p.client().Start(t.Context(), far.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(far.ID, client.Running)
}

// away checks what everybody is told while the cluster of a session does not
// answer.
func (p *product) away(s client.Session, says string) {
	p.t.Helper()
	var now client.Session
	p.eventually(60*time.Second, "the session says that the cluster does not answer", func() bool {
		var err error
		now, err = p.client().Get(p.t.Context(), s.ID)
		return err == nil && strings.Contains(now.Doing, "does not answer")
	})
	if !strings.Contains(now.Doing, says) || now.Failure != nil {
		p.t.Errorf("the session does %q, want %q; %+v", now.Doing, says, now.Failure)
	}
	if out, err := p.run("sessions", "show", s.ID); err != nil || !strings.Contains(out, says) {
		p.t.Errorf("in the shell: %v\n%s", err, out)
	}
	st, err := p.client().Status(p.t.Context())
	if err != nil || len(st.Trouble) != 1 || st.Trouble[0].Title != "Kubernetes does not answer." {
		p.t.Errorf("status: %+v, %v", st.Trouble, err)
	}
	if out, err := p.run("status"); err != nil || strings.Count(out, "Kubernetes does not answer") != 1 || strings.Contains(out, "Docker does not answer") {
		p.t.Errorf("volundr status: %v\n%s", err, out)
	}
	if out, err := p.run("doctor"); err == nil || !strings.Contains(out, "kubectl version") || !strings.Contains(out, "Docker engine") {
		p.t.Errorf("volundr doctor: %v\n%s", err, out)
	}
}

func (p *product) besideWorks(s client.Session, when string) {
	p.t.Helper()
	if out := p.ask(s.ID, when); !strings.Contains(out, when) {
		p.t.Errorf("%s the agent in Docker answers %q", when, out)
	}
}

// A folder of this machine is not promised to a cluster.
func TestAClusterHasNoLiveFolders(t *testing.T) {
	p := prepare(t, t.TempDir())
	p.on = "kubernetes:\n  kubeconfig: " + nowhere(t) + "\n"
	p.configure("")
	p.start()
	const says = "does not have this machine's folders: choose a copy"
	_, err := p.client().Create(t.Context(), client.SessionCreate{Name: "live", Runtime: "kubernetes", Source: &client.Source{Type: client.SourceMount, LocalPath: t.TempDir()}})
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != 422 || !strings.Contains(refused.Detail, says) {
		t.Errorf("%v", err)
	}
	if out, err := p.run("sessions", "create", "live", "--on", "kubernetes", "--mount", t.TempDir()); err == nil || !strings.Contains(out, says) || strings.Count(strings.TrimSpace(out), "\n") > 0 {
		t.Errorf("in the shell: %v\n%s", err, out)
	}
}

// nowhere is a kubeconfig of a cluster that is not there.
func nowhere(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(kubeconfigOf("http://127.0.0.1:1")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
