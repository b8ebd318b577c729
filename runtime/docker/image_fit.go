package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"

	"volundr/runtime"
)

// labelFitted is on an image that was fitted: digest of what it was made from.
const labelFitted = "volundr.fitted"

// Fit implements runtime.Fitter: the user's image with our program of this
// version laid over it. The build has no step that runs anything of it.
func (r *Runtime) Fit(ctx context.Context, ref string, progress func(runtime.Progress)) (string, error) {
	if err := r.ready(ctx); err != nil {
		return "", err
	}
	fitted, err := r.image.fit(ctx, ref, progress)
	return fitted, translate(err)
}

// Pull implements runtime.Fitter: the image by its id, so that a run is of what
// was looked at.
func (r *Runtime) Pull(ctx context.Context, ref string, progress func(runtime.Progress)) (string, error) {
	if err := r.ready(ctx); err != nil {
		return "", err
	}
	plan, err := r.image.planned(ctx, runtime.Session)
	if err != nil {
		return "", translate(err)
	}
	found, err := r.image.present(ctx, ref, plan.arch, progress)
	return found.ID, translate(err)
}

func (m *imageMaker) fit(ctx context.Context, ref string, progress func(runtime.Progress)) (string, error) {
	plan, err := m.planned(ctx, runtime.Session)
	if err != nil {
		return "", err
	}
	theirs, err := m.present(ctx, ref, plan.arch, progress)
	if err != nil {
		return "", err
	}
	if err := unfit(ref, theirs, plan); err != nil {
		return "", err
	}
	sum := digest([]byte(theirs.ID + plan.whole))
	tag := "volundr-session-fitted:" + sum[:12]
	there, err := m.fits(ctx, tag, labelFitted, sum)
	if err != nil || there {
		return tag, err
	}
	err = m.builds.do(ctx, tag, progress, func(ctx context.Context, report func(runtime.Progress)) error {
		recipe := fmt.Sprintf("FROM %s\nCOPY volundr-session /usr/local/bin/volundr-session\nLABEL %s=%s %s=%s\n",
			strings.TrimPrefix(theirs.ID, "sha256:"), labelRecipe, plan.whole, labelFitted, sum)
		_, err := m.build(ctx, imageBuild{tag: tag, program: plan.program, recipe: []byte(recipe)}, report)
		return err
	})
	return tag, plan.explain(err)
}

// unfit says why an image cannot be a session's.
func unfit(ref string, i image.InspectResponse, plan *imagePlan) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w image: %s %s", runtime.ErrInvalid, ref, fmt.Sprintf(format, args...))
	}
	labels := map[string]string{}
	if i.Config != nil {
		labels = i.Config.Labels
	}
	switch {
	case i.Architecture != plan.arch:
		return bad("is for %s, and the engine is %s: make one for that", i.Architecture, plan.arch)
	case labels[labelRecipe] == "" || labels[labelBase] == "" || labels[runtime.LabelKind] != string(runtime.Session):
		return bad("is not made from the session image, which brings editor, terminal, git and the agents: begin its Dockerfile with FROM %s (volundr image build makes that) and build it again", plan.ref())
	case len(i.Config.OnBuild) > 0:
		return bad("has ONBUILD instructions, which would run while it is fitted: build it without them")
	}
	return nil
}

// present gives an image, which is downloaded when it is not there.
func (m *imageMaker) present(ctx context.Context, ref, arch string, progress func(runtime.Progress)) (image.InspectResponse, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return image.InspectResponse{}, fmt.Errorf("%w image: %q is no name of an image such as registry.example.com/team/image:1", runtime.ErrInvalid, ref)
	}
	ref = reference.FamiliarString(reference.TagNameOnly(named))
	found, err := m.api.ImageInspect(ctx, ref)
	if !errdefs.IsNotFound(err) {
		if err != nil {
			err = unavailable("look for image "+ref, err)
		}
		return found, err
	}
	err = m.builds.do(ctx, "pull "+ref, progress, func(ctx context.Context, report func(runtime.Progress)) error {
		report(runtime.Progress{Text: ref, Log: "Downloading " + ref})
		return m.pull(ctx, ref, arch, ref, report)
	})
	if err != nil {
		return found, unpulled(ref, err)
	}
	if found, err = m.api.ImageInspect(ctx, ref); err != nil {
		err = unavailable("look for image "+ref, err)
	}
	return found, err
}

// unpulled says why an image could not be downloaded. What a registry says
// about the image itself is for ever, all else may pass.
func unpulled(ref string, err error) error {
	said := strings.ToLower(err.Error())
	for _, sign := range []string{"not found", "manifest unknown", "does not exist", "access denied", "unauthorized", "denied:", "no matching manifest"} {
		if strings.Contains(said, sign) {
			return fmt.Errorf("%w image: %s cannot be had: %s; check its name, or give it to the engine (docker pull, docker load)", runtime.ErrInvalid, ref, oneLine(err))
		}
	}
	return fmt.Errorf("the image %s could not be downloaded: %w", ref, err)
}

func oneLine(err error) string {
	return strings.TrimSpace(controls.ReplaceAllString(err.Error(), " "))
}
