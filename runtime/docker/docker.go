// Package docker runs workloads as containers of a Docker engine: one container
// per part, joined to the network namespace of the broker's, with named
// volumes. It remembers nothing that the engine does not show under our labels.
package docker

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"

	"volundr/runtime"
)

// Options are what New needs.
type Options struct {
	Engine       Endpoint
	Installation string // whose daemon: a label, and part of every name
	// Key opens the brokers' ports.
	Key   ed25519.PrivateKey
	Image ImageOptions
	// ForceExec reaches sessions through exec streams even where their
	// addresses can be dialled.
	ForceExec bool
	Log       *slog.Logger
}

// Runtime is a runtime.Runtime on one engine. Safe for concurrent use.
type Runtime struct {
	api   *client.Client
	opts  Options
	log   *slog.Logger
	image *imageMaker

	network sync.RWMutex // held for writing while networks are removed
	making  sync.Mutex   // a network is being made
	rulesMu sync.Mutex   // the firewall's rules are being changed
	seen    inspections
	dialer  dialer

	negotiation negotiation
}

// New makes a runtime; the engine need not answer yet.
func New(_ context.Context, o Options) (*Runtime, error) {
	api, err := o.Engine.Client()
	if err != nil {
		return nil, fmt.Errorf("docker engine %s: %w", o.Engine.Host, err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Runtime{api: api, opts: o, log: o.Log, image: newImageMaker(api, o.Image, o.Log)}
	r.negotiation.turn = make(chan struct{}, 1)
	r.seen.m = map[string]runtime.PartStatus{}
	r.dialer.addresses, r.dialer.streams = map[string]address{}, map[string]*stream{}
	return r, nil
}

// Close ends what the runtime holds open; workloads run on.
func (r *Runtime) Close() error {
	r.dialer.close()
	return r.api.Close()
}

// EnsureImage implements runtime.Images.
func (r *Runtime) EnsureImage(ctx context.Context, kind runtime.Kind, progress func(runtime.Progress)) (string, error) {
	if err := r.ready(ctx); err != nil {
		return "", err
	}
	ref, err := r.image.ensure(ctx, kind, progress)
	return ref, translate(err)
}

// Names of our objects: volundr-<installation>-<id>-<part>. Sandboxes have the
// names of their contract; what counts are the labels.
func (r *Runtime) containerName(id, part string) string { return r.prefix() + "-" + id + "-" + part }
func (r *Runtime) volumeName(id, name string) string    { return r.prefix() + "-" + id + "-" + name }
func (r *Runtime) prefix() string                       { return "volundr-" + r.opts.Installation }

// ours filters by our labels, and by a workload's id unless that is empty.
func (r *Runtime) ours(id string) filters.Args {
	f := filters.NewArgs(filters.Arg("label", runtime.LabelInstallation+"="+r.opts.Installation))
	if id != "" {
		f.Add("label", runtime.LabelSession+"="+id)
	}
	return f
}

const (
	labelParts   = "volundr.parts"   // of the spec that a container was made for
	labelExpires = "volundr.expires" // a sandbox's deadline, RFC 3339
)

func (r *Runtime) labels(s runtime.Spec, part string) map[string]string {
	names := make([]string, len(s.Parts))
	for i, p := range s.Parts {
		names[i] = p.Name
	}
	labels := map[string]string{
		runtime.LabelApp: "volundr", runtime.LabelComponent: string(s.Kind), runtime.LabelKind: string(s.Kind),
		runtime.LabelInstallation: r.opts.Installation, runtime.LabelSession: s.ID, runtime.LabelPart: part,
		runtime.LabelName: s.Name, runtime.LabelOwner: s.Owner, runtime.LabelTenant: s.Tenant,
		runtime.LabelRun: fmt.Sprint(s.Run), runtime.LabelCreated: s.Created.UTC().Format(time.RFC3339Nano),
		labelParts: strings.Join(names, ","),
	}
	if s.Helper {
		labels[runtime.LabelHelper] = "true"
	}
	if s.Kind == runtime.Sandbox {
		labels[runtime.LabelApp], labels[runtime.LabelComponent] = runtime.SandboxApp, runtime.SandboxComponent
		labels[runtime.LabelSandboxExpires] = strconv.FormatFloat(float64(s.Deadline.UnixMicro())/1e6, 'f', 6, 64)
		labels[labelExpires] = s.Deadline.UTC().Format(time.RFC3339Nano)
	}
	return labels
}

// Check implements runtime.Checker.
func (r *Runtime) Check(ctx context.Context) []runtime.Finding {
	if err := r.ready(ctx); err != nil {
		r.log.Debug("Engine does not answer", "error", err) // and the findings say so
	}
	return append(checkEngine(ctx, r.api, r.opts.Engine), r.isolation(ctx), r.image.check(ctx))
}
