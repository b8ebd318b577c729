package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"

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

// volumeOptions: the engine makes a volume that is missing, with our labels,
// when it makes the first container that mounts it.
func (r *Runtime) volumeOptions(s runtime.Spec, m runtime.Mount) *mount.VolumeOptions {
	labels := r.labels(s, m.Volume)
	delete(labels, labelParts)
	delete(labels, runtime.LabelRun) // of the containers, not of what outlives them
	delete(labels, runtime.LabelHelper)
	return &mount.VolumeOptions{Labels: labels, NoCopy: !imageOwns(m)}
}

// handOverVolumes makes the volumes whose owner is not the image's choice. again:
// an earlier Start may have been cut off between making and handing over.
func (r *Runtime) handOverVolumes(ctx context.Context, s runtime.Spec, again bool) error {
	var others []runtime.Mount
	seen := map[string]bool{}
	for _, p := range s.Parts {
		for _, m := range p.Mounts {
			if m.Volume != "" && !seen[m.Volume] && !imageOwns(m) {
				others = append(others, m)
			}
			seen[m.Volume] = true
		}
	}
	if len(others) == 0 {
		return nil
	}
	there, err := r.api.VolumeList(ctx, volume.ListOptions{Filters: r.ours(s.ID)})
	if err != nil {
		return err
	}
	if !again {
		for _, v := range there.Volumes {
			others = slices.DeleteFunc(others, func(m runtime.Mount) bool { return r.volumeName(s.ID, m.Volume) == v.Name })
		}
	}
	if len(others) == 0 {
		return nil
	}
	return r.handOver(ctx, s, others)
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
			VolumeOptions: r.volumeOptions(s, m)})
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
