package docker

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"volundr/runtime"
)

// KindDaemon is the image of the daemon itself, for a cluster. No workload is
// of this kind.
const KindDaemon runtime.Kind = "daemon"

// ImageOptions says how the images of sessions, sandboxes and the daemon are made.
type ImageOptions struct {
	Recipe   fs.FS // base/ and session/, sandbox-base/ and sandbox/, daemon-base/ and daemon/: the contexts of two builds each
	Programs fs.FS // volundr-session-linux-<GOARCH>.gz, the program inside sessions
	// Daemon is the executable that goes into the daemon's image; empty: this one.
	Daemon string

	// CABundle is a PEM file that registries are verified by; sessions trust it
	// too. Empty: what SSL_CERT_FILE or NODE_EXTRA_CA_CERTS names, if anything.
	CABundle     string
	Base         string // Debian image to start from; empty: docker.io's forky-slim
	DebianMirror string // empty: deb.debian.org
	NPMRegistry  string // empty: registry.npmjs.org
	// KeepStages leaves the stages of a finished build (about 2 GB) as cache,
	// for people who change the recipe.
	KeepStages bool
}

// Labels of our images.
const (
	labelRecipe = "volundr.recipe" // an image: digest of recipe and program
	labelBase   = "volundr.base"   // base and image: digest of the base recipe
	labelStage  = "volundr.stage"  // a build's stage, never tagged
)

// imageMaker makes the image of each kind: a base, which takes minutes and
// changes with its recipe only, and on it a thin layer with the program.
type imageMaker struct {
	api    *client.Client
	opts   ImageOptions
	log    *slog.Logger
	getenv func(string) string
	builds sharedBuilds

	mu    sync.Mutex
	plans map[runtime.Kind]*imagePlan // kept until a build fails: what it stands on is then mended
}

func newImageMaker(api *client.Client, opts ImageOptions, log *slog.Logger) *imageMaker {
	return &imageMaker{api: api, opts: opts, log: log, getenv: os.Getenv, plans: map[runtime.Kind]*imagePlan{}}
}

// ensure implements runtime.Images.
func (m *imageMaker) ensure(ctx context.Context, kind runtime.Kind, progress func(runtime.Progress)) (string, error) {
	plan, err := m.planned(ctx, kind)
	if err != nil {
		return "", err
	}
	there, err := m.fits(ctx, plan.ref(), labelRecipe, plan.whole)
	if err != nil || there {
		return plan.ref(), err
	}
	err = m.builds.do(ctx, plan.ref(), progress, func(ctx context.Context, report func(runtime.Progress)) error {
		return m.make(ctx, plan, report)
	})
	if err != nil {
		m.forget(plan)
		return "", plan.explain(err)
	}
	return plan.ref(), nil
}

func (m *imageMaker) make(ctx context.Context, plan *imagePlan, report func(runtime.Progress)) error {
	if plan.caFrom != "" {
		m.log.Info("Image uses a CA bundle", "file", plan.caFrom)
		report(runtime.Progress{Text: "preparing", Log: "Registries are verified by the CA bundle " + plan.caFrom})
	}
	there, err := m.fits(ctx, plan.baseRef(), labelBase, plan.base)
	if err != nil {
		return err
	}
	if !there {
		debian, err := m.debian(ctx, plan.arch, report)
		if err != nil {
			return err
		}
		stages, err := m.build(ctx, plan.baseBuild(m.opts, debian), report)
		if err != nil {
			return err
		}
		if !m.opts.KeepStages {
			m.dropStages(ctx, stages)
		}
	}
	if _, err := m.build(ctx, plan.wholeBuild(m.opts), report); err != nil {
		return err
	}
	m.prune(ctx, plan)
	return nil
}

// fits reports whether the tag is there and carries the digest.
func (m *imageMaker) fits(ctx context.Context, ref, label, digest string) (bool, error) {
	image, err := m.api.ImageInspect(ctx, ref)
	switch {
	case errdefs.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, unavailable("look for image "+ref, err)
	}
	return image.Config != nil && image.Config.Labels[label] == digest, nil
}

// unavailable marks a call that the engine did not answer.
func unavailable(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, runtime.ErrUnavailable, err)
}
