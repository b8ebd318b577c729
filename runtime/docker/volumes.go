package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"volundr/runtime"
)

// The image owns its mount points, and the engine gives a fresh volume the
// owner of the mount point that it is first mounted on.
var imageOwns = map[string]int{runtime.PathWorkspace: 1000, runtime.PathHome: 1000, runtime.PathJournal: 900}

// ensureVolumes makes the spec's volumes. One whose owner is not the image's
// choice is handed over before anything mounts it.
func (r *Runtime) ensureVolumes(ctx context.Context, s runtime.Spec) error {
	there, err := r.api.VolumeList(ctx, volume.ListOptions{Filters: r.ours(s.ID)})
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, v := range there.Volumes {
		have[v.Name] = v.Labels[labelOwned] != "later"
	}
	g, ctx := errgroup.WithContext(ctx)
	done := map[string]bool{}
	for _, p := range s.Parts {
		for _, m := range p.Mounts {
			if m.Volume == "" || done[m.Volume] || have[r.volumeName(s.ID, m.Volume)] {
				continue
			}
			done[m.Volume] = true
			g.Go(func() error { return r.makeVolume(ctx, s, m) })
		}
	}
	return g.Wait()
}

// labelOwned marks volumes that were handed to their owner.
const labelOwned = "volundr.owned"

func (r *Runtime) makeVolume(ctx context.Context, s runtime.Spec, m runtime.Mount) error {
	labels := r.labels(s, m.Volume)
	delete(labels, labelParts)
	delete(labels, runtime.LabelRun) // of the containers, not of what outlives them
	name := r.volumeName(s.ID, m.Volume)
	if m.UID != 0 && imageOwns[m.Path] != m.UID {
		// An interrupted hand-over is repeated: handing over is idempotent.
		labels[labelOwned] = "later"
	}
	if _, err := r.api.VolumeCreate(context.WithoutCancel(ctx), volume.CreateOptions{Name: name, Labels: labels}); err != nil {
		return fmt.Errorf("make volume %s: %w", m.Volume, err)
	}
	if labels[labelOwned] == "" {
		return nil
	}
	return r.handOver(ctx, s, m, name)
}

// handOver gives a volume's root to its owner, in a container that has nothing
// but the volume and the right to change owners.
func (r *Runtime) handOver(ctx context.Context, s runtime.Spec, m runtime.Mount, volume string) error {
	conf := &container.Config{Image: s.Image, User: "0:0", Labels: r.labels(s, "chown-"+m.Volume),
		Entrypoint: []string{"chown", fmt.Sprintf("%d:%d", m.UID, m.GID), "/volume"}}
	host := &container.HostConfig{NetworkMode: "none", ReadonlyRootfs: true,
		CapDrop: []string{"ALL"}, CapAdd: []string{"CHOWN"}, SecurityOpt: []string{"no-new-privileges:true"},
		Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: volume, Target: "/volume"}}}
	c, err := r.api.ContainerCreate(ctx, conf, host, nil, nil, "")
	if err != nil {
		return fmt.Errorf("hand over volume %s: %w", m.Volume, err)
	}
	defer r.removeContainers(context.WithoutCancel(ctx), []string{c.ID})
	ended, failed := r.api.ContainerWait(ctx, c.ID, container.WaitConditionNextExit)
	if err := r.api.ContainerStart(ctx, c.ID, container.StartOptions{}); err != nil {
		return fmt.Errorf("hand over volume %s: %w", m.Volume, err)
	}
	select {
	case e := <-ended:
		if e.StatusCode != 0 {
			return fmt.Errorf("hand over volume %s: chown ended with %d", m.Volume, e.StatusCode)
		}
		return nil
	case err := <-failed:
		return fmt.Errorf("hand over volume %s: %w", m.Volume, err)
	}
}
