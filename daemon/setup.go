package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	units "github.com/docker/go-units"

	"volundr/daemon/auth"
	"volundr/daemon/config"
	"volundr/runtime"
	"volundr/runtime/docker"
	"volundr/runtime/kubernetes"
	"volundr/ui/client"
)

// PrepareEngine finds a Docker engine that answers, or installs and starts one
// where that may be done (Debian and Ubuntu, as root). Where new sessions run on
// something else, none is needed.
func PrepareEngine(ctx context.Context, cfg config.Config, out io.Writer) error {
	if cfg.Runtime != onDocker {
		return nil
	}
	_, _, err := docker.Find(ctx, cfg.Engine)
	if err == nil || cfg.Engine != "" {
		return err
	}
	_, err = docker.Install(ctx, filepath.Dir(cfg.Paths.Log), out)
	return err
}

// BuildImage makes the image of sessions, of sandboxes or of the daemon, by its
// name, without a daemon and says on out how far it is. push, unless it is
// empty, is the name under which it is given to a registry then.
func BuildImage(ctx context.Context, cfg config.Config, of, push string, out io.Writer) error {
	kind := runtime.Kind(of)
	found, _, err := docker.Find(ctx, cfg.Engine)
	if err != nil {
		return err
	}
	rt, err := docker.New(ctx, docker.Options{Engine: found, Installation: "build", Image: imageOptions(cfg), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer rt.Close()
	said := ""
	tell := func(p runtime.Progress) {
		if p.Text != said {
			said = p.Text
			fmt.Fprintln(out, said)
		}
	}
	if push != "" {
		ref, err := rt.PushImage(ctx, kind, push, tell)
		if err != nil {
			return err
		}
		if kind == docker.KindDaemon {
			fmt.Fprintf(out, "The daemon image is at %s. Name it where the manifests are (assets/kubernetes/daemon): kustomize edit set image volundr=%s\n", ref, ref)
			return nil
		}
		fmt.Fprintf(out, "The %s image is at %s. Have a cluster use it: volundr config set kubernetes.images.%s %s\n", kind, ref, kind, ref)
		return nil
	}
	ref, err := rt.EnsureImage(ctx, kind, tell)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The %s image is %s.\n", kind, ref)
	layers, err := rt.Layers(ctx, ref)
	if err != nil {
		return err
	}
	total := int64(0)
	for _, l := range layers {
		total += l.Size
		fmt.Fprintf(out, "%10s  %.100s\n", units.HumanSize(float64(l.Size)), l.Step)
	}
	fmt.Fprintf(out, "%10s  in all\n", units.HumanSize(float64(total)))
	return nil
}

// Doctor looks at what a daemon would stand on: the runtime of new sessions, and
// a cluster where one is configured.
func Doctor(ctx context.Context, cfg config.Config) (out []client.Finding) {
	if cfg.Runtime == onDocker {
		out = doctorDocker(ctx, cfg)
	}
	out = append(out, doctorPublic(ctx, cfg, "doctor", time.Now())...)
	if cfg.Kubernetes == nil {
		return out
	}
	rt, err := kubernetes.New(clusterOptions(cfg))
	if err != nil {
		return append(out, findings(absent{err}.Check(ctx))...)
	}
	defer rt.Close()
	return append(out, findings(rt.Check(ctx))...)
}

func doctorDocker(ctx context.Context, cfg config.Config) []client.Finding {
	found, tried, err := docker.Find(ctx, cfg.Engine)
	if err != nil {
		out := []client.Finding{{Name: "Docker engine", Status: "error", Detail: err.Error()}}
		for _, t := range tried {
			out = append(out, client.Finding{Name: "Looked for", Status: "warning", Detail: fmt.Sprintf("%s (%s): %v", t.Host, t.How, t.Err)})
		}
		return out
	}
	rt, err := docker.New(ctx, docker.Options{Engine: found, Installation: "doctor", Image: imageOptions(cfg), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return []client.Finding{{Name: "Docker engine", Status: "error", Detail: err.Error()}}
	}
	defer rt.Close()
	return findings(rt.Check(ctx))
}

func findings(in []runtime.Finding) []client.Finding {
	out := make([]client.Finding, len(in))
	for i, f := range in {
		out[i] = client.Finding(f)
	}
	return out
}

// doctor is the running daemon's: runtimes, and the keys of models.
func (d *Daemon) doctor(ctx context.Context) []client.Finding {
	out := append(d.stands(ctx), d.names(ctx))
	out = append(out, d.vouches(ctx)...)
	out = append(out, doctorPublic(ctx, d.cfg, d.installation, time.Now())...)
	if w := d.pieces.vault.Warning(ctx); w != "" {
		out = append(out, client.Finding{Name: "Keys at rest", Status: "warning", Detail: w})
	}
	for _, k := range d.pieces.vault.KeyStatuses(ctx, auth.Local) {
		f := client.Finding{Name: k.Title + " key", Status: "ok", Detail: k.Source + ", for " + k.Host, Advice: k.Problem}
		if !k.Configured {
			f.Status, f.Detail = "warning", "none"
		} else if k.Problem != "" {
			f.Status = "warning"
		}
		out = append(out, f)
	}
	return out
}

// stands looks at all runtimes at once: one may not answer. What the engine could
// not see is told where the runtime itself finds nothing wrong.
func (d *Daemon) stands(ctx context.Context) (out []client.Finding) {
	names := slices.Sorted(maps.Keys(d.pieces.runtimes))
	found := make([][]runtime.Finding, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		if c, ok := d.pieces.runtimes[name].(runtime.Checker); ok {
			wg.Go(func() { found[i] = c.Check(ctx) })
		}
	}
	wg.Wait()
	wrong := func(f runtime.Finding) bool { return f.Status == "error" }
	for i, name := range names {
		if err := d.pieces.engine.Trouble()[name]; err != nil && !slices.ContainsFunc(found[i], wrong) {
			out = append(out, client.Finding{Name: "Runtime " + name, Status: "error", Detail: err.Error()})
		}
		out = append(out, findings(found[i])...)
	}
	return out
}

// names tells whether the system's resolver knows names under localhost.
// Browsers that know them by themselves do not ask it.
func (d *Daemon) names(ctx context.Context) client.Finding {
	f := client.Finding{Name: "Names under localhost", Status: "ok", Detail: "the system's resolver answers them"}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	u, err := url.Parse(d.auth.ProbeURL(ctx))
	if err == nil {
		_, err = net.DefaultResolver.LookupHost(ctx, u.Hostname())
	}
	if err != nil {
		f.Detail = "the system's resolver does not answer them"
		f.Advice = "Chrome, Edge and Firefox know them by themselves. For other browsers have the resolver answer *.localhost with 127.0.0.1."
	}
	return f
}
