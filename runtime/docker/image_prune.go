package docker

import (
	"context"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
)

// pruneAge keeps younger images: another installation on this engine may be of
// another version, and about to start a session with its own.
const pruneAge = 24 * time.Hour

// dropStages removes a finished build's stages, which the image does not share.
// A stage that another image stands on stays: the engine refuses.
func (m *imageMaker) dropStages(ctx context.Context, stages []string) {
	for i := len(stages) - 1; i >= 0; i-- { // later ones stand on earlier ones
		m.drop(ctx, stages[i])
	}
}

// prune removes our older images that no container uses, and what builds that
// never finished left behind. It fails silently but for the log: it is tried
// again after the next build.
func (m *imageMaker) prune(ctx context.Context, plan *imagePlan) {
	unfinished := filters.NewArgs(filters.Arg("dangling", "true"), filters.Arg("label", labelStage), filters.Arg("until", pruneAge.String()))
	if _, err := m.api.ImagesPrune(ctx, unfinished); err != nil {
		m.log.Warn("Build stages not pruned", "error", err)
	}
	images, err := m.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelBase))})
	if err != nil {
		m.log.Warn("Images not pruned", "error", err)
		return
	}
	bases := map[string]bool{plan.base: true} // that a kept session image stands on
	var rest []image.Summary
	for _, i := range images {
		switch {
		case i.Labels[labelRecipe] == "":
			rest = append(rest, i)
		case !old(i) || i.Labels[labelRecipe] == plan.session || !m.dropAll(ctx, i):
			bases[i.Labels[labelBase]] = true
		}
	}
	for _, i := range rest {
		if old(i) && !bases[i.Labels[labelBase]] {
			m.dropAll(ctx, i)
		}
	}
}

func old(i image.Summary) bool { return time.Since(time.Unix(i.Created, 0)) > pruneAge }

// dropAll reports whether the image is gone.
func (m *imageMaker) dropAll(ctx context.Context, i image.Summary) bool {
	if len(i.RepoTags) == 0 {
		return m.drop(ctx, i.ID)
	}
	gone := true
	for _, tag := range i.RepoTags {
		gone = m.drop(ctx, tag) && gone
	}
	return gone
}

// drop removes an image by its tag or id unless something uses it.
func (m *imageMaker) drop(ctx context.Context, ref string) bool {
	_, err := m.api.ImageRemove(ctx, ref, image.RemoveOptions{PruneChildren: true})
	switch {
	case err == nil:
		m.log.Info("Old image removed", "image", ref)
	case !errdefs.IsNotFound(err) && !errdefs.IsConflict(err):
		m.log.Warn("Old image not removed", "image", ref, "error", err)
	}
	return err == nil || errdefs.IsNotFound(err)
}
