package docker

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"volundr/runtime"
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
	// Twice: with the last session image of a base gone, the base goes too.
	for range 2 {
		images, err := m.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelBase))})
		if err != nil {
			m.log.Warn("Images not pruned", "error", err)
			return
		}
		for _, i := range outdated(images, plan, time.Now()) {
			m.dropAll(ctx, i)
		}
	}
}

// outdated picks the images of other versions of the plan's kind, and the bases
// that none of these stands on. What is young stays. The kind of older ones is
// not on them: they were sessions'.
func outdated(images []image.Summary, plan *imagePlan, now time.Time) []image.Summary {
	bases := map[string]bool{plan.base: true}
	for _, i := range images {
		if i.Labels[labelRecipe] != "" {
			bases[i.Labels[labelBase]] = true
		}
	}
	var out []image.Summary
	for _, i := range images {
		if runtime.Kind(cmp.Or(i.Labels[runtime.LabelKind], string(runtime.Session))) != plan.kind {
			continue
		}
		if slices.ContainsFunc(i.RepoTags, func(tag string) bool { return !ownTag(tag, plan.kind) }) {
			continue // somebody made it from ours, and it has our labels
		}
		whole := i.Labels[labelRecipe]
		used := whole == plan.whole || whole == "" && bases[i.Labels[labelBase]]
		if !used && now.Sub(time.Unix(i.Created, 0)) > pruneAge {
			out = append(out, i)
		}
	}
	return out
}

// ownTag reports whether we gave an image of a kind its tag.
func ownTag(tag string, kind runtime.Kind) bool {
	return slices.ContainsFunc([]string{":", "-base:", "-fitted:"}, func(end string) bool {
		return strings.HasPrefix(tag, "volundr-"+string(kind)+end)
	})
}

func (m *imageMaker) dropAll(ctx context.Context, i image.Summary) {
	if len(i.RepoTags) == 0 {
		m.drop(ctx, i.ID)
	}
	for _, tag := range i.RepoTags {
		m.drop(ctx, tag)
	}
}

// drop removes an image by its tag or id unless something uses it.
func (m *imageMaker) drop(ctx context.Context, ref string) {
	_, err := m.api.ImageRemove(ctx, ref, image.RemoveOptions{PruneChildren: true})
	switch {
	case err == nil:
		m.log.Info("Old image removed", "image", ref)
	case !errdefs.IsNotFound(err) && !errdefs.IsConflict(err):
		m.log.Warn("Old image not removed", "image", ref, "error", err)
	}
}
