package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"volundr/runtime"
)

// owners are those of the mount points in the image (user and group alike). The
// engine gives them to an empty volume that is mounted there, which costs
// nothing; all others are handed over.
var owners = map[string]int{runtime.PathWorkspace: 1000, runtime.PathHome: 1000, runtime.PathJournal: 900}

func imageOwns(m runtime.Mount) bool {
	return m.UID == 0 || owners[m.Path] == m.UID && owners[m.Path] == m.GID
}

// partOwner names the container by which volumes are handed over. It is never
// started. While it is there, the hand-over was not finished.
const partOwner = "owner"

// ensureVolumes makes the spec's volumes. again: an earlier Start may have been
// cut off between making a volume and handing it over.
func (r *Runtime) ensureVolumes(ctx context.Context, s runtime.Spec, again bool) error {
	there, err := r.api.VolumeList(ctx, volume.ListOptions{Filters: r.ours(s.ID)})
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, v := range there.Volumes {
		have[v.Name] = true
	}
	var hand []runtime.Mount
	g, gctx := errgroup.WithContext(ctx)
	done := map[string]bool{}
	for _, p := range s.Parts {
		for _, m := range p.Mounts {
			fresh := !have[r.volumeName(s.ID, m.Volume)]
			switch {
			case m.Volume == "" || done[m.Volume]:
				continue
			case !imageOwns(m) && (fresh || again):
				hand = append(hand, m)
			case fresh:
				g.Go(func() error {
					_, err := r.api.VolumeCreate(context.WithoutCancel(gctx), volume.CreateOptions{
						Name: r.volumeName(s.ID, m.Volume), Labels: r.volumeLabels(s, m.Volume)})
					if err != nil {
						return fmt.Errorf("make volume %s: %w", m.Volume, err)
					}
					return nil
				})
			}
			done[m.Volume] = true
		}
	}
	if len(hand) > 0 {
		g.Go(func() error { return r.handOver(gctx, s, hand) })
	}
	return g.Wait()
}

func (r *Runtime) volumeLabels(s runtime.Spec, name string) map[string]string {
	labels := r.labels(s, name)
	delete(labels, labelParts)
	delete(labels, runtime.LabelRun) // of the containers, not of what outlives them
	return labels
}

// handOver makes volumes whose roots belong to others than the image says: a
// container that is never started mounts them, and an archive with their
// owners is unpacked over the mount points. Nothing runs as root for it, and
// it takes a fifth of the time that running chown would.
func (r *Runtime) handOver(ctx context.Context, s runtime.Spec, mounts []runtime.Mount) error {
	const dir = "volundr-volumes/"
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	conf := &container.Config{Image: s.Image, Labels: r.labels(s, partOwner), Entrypoint: []string{"/never-started"}}
	host := &container.HostConfig{NetworkMode: "none", CapDrop: []string{"ALL"}}
	for _, m := range mounts {
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Source: r.volumeName(s.ID, m.Volume), Target: "/" + dir + m.Volume,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true, Labels: r.volumeLabels(s, m.Volume)}})
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + m.Volume + "/", Mode: 0o755, Uid: m.UID, Gid: m.GID}); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx = context.WithoutCancel(ctx)
	c, err := r.api.ContainerCreate(ctx, conf, host, nil, nil, "")
	if err != nil {
		return fmt.Errorf("make volumes: %w", err)
	}
	if err := r.api.CopyToContainer(ctx, c.ID, "/", &archive, container.CopyToContainerOptions{}); err != nil {
		return fmt.Errorf("hand over volumes: %w", err)
	}
	return r.removeContainers(ctx, []string{c.ID})
}

// removeVolumes takes a workload's volumes away.
func (r *Runtime) removeVolumes(ctx context.Context, f filters.Args) error {
	there, err := r.api.VolumeList(ctx, volume.ListOptions{Filters: f})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, v := range there.Volumes {
		g.Go(func() error {
			if err := r.api.VolumeRemove(ctx, v.Name, false); ignoreNotFound(err) != nil {
				return fmt.Errorf("remove volume %s: %w", v.Name, err)
			}
			return nil
		})
	}
	return g.Wait()
}
