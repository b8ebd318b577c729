package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"
)

// floor starts a pod by the calls to the engine that nothing can do without,
// as parallel as they go.
type floor struct {
	engine *client.Client
	model  string
	pod    *pod
	key    ed25519.PrivateKey
}

// run starts the pod and tells how long it took until every part answered.
func (f *floor) run(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	began := time.Now()
	name := fmt.Sprintf("volundr-bench-%d", began.UnixNano())
	options := maps.Clone(f.pod.network.Options)
	delete(options, "com.docker.network.bridge.name") // the product's has it
	if _, err := f.engine.NetworkCreate(ctx, name, network.CreateOptions{Driver: f.pod.network.Driver, Options: options, Labels: f.labels()}); err != nil {
		return 0, err
	}
	broker, err := f.create(ctx, name, 0, container.NetworkMode(name))
	if err != nil {
		return 0, err
	}
	g, gctx := errgroup.WithContext(ctx)
	up := make(chan struct{})
	g.Go(func() error {
		defer close(up)
		return f.engine.ContainerStart(gctx, broker, container.StartOptions{})
	})
	for i := 1; i < len(f.pod.parts); i++ {
		g.Go(func() error {
			id, err := f.create(gctx, name, i, container.NetworkMode("container:"+broker))
			if err != nil {
				return err
			}
			<-up
			return f.engine.ContainerStart(gctx, id, container.StartOptions{})
		})
	}
	g.Go(func() error {
		<-up
		in, err := f.engine.ContainerInspect(gctx, broker)
		if err != nil {
			return err
		}
		return f.answers(gctx, in.NetworkSettings.Networks[name].IPAddress)
	})
	err = g.Wait()
	return time.Since(began), err
}

// create makes the part with that number, with volumes of this run.
func (f *floor) create(ctx context.Context, name string, part int, mode container.NetworkMode) (string, error) {
	pattern := f.pod.parts[part]
	host := *pattern.HostConfig
	host.NetworkMode, host.Mounts = mode, slices.Clone(host.Mounts)
	for i, m := range host.Mounts {
		if m.VolumeOptions != nil {
			host.Mounts[i].Source = name + strings.ReplaceAll(m.Target, "/", "-")
		}
	}
	c, err := f.engine.ContainerCreate(ctx, pattern.Config, &host, nil, nil, fmt.Sprintf("%s-%d", name, part))
	return c.ID, err
}

func (f *floor) labels() map[string]string { return map[string]string{label: f.pod.session} }

// remove takes away all that run made, even after ctx.
func (f *floor) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	ours := filters.NewArgs(filters.Arg("label", label+"="+f.pod.session))
	containers, err := f.engine.ContainerList(ctx, container.ListOptions{All: true, Filters: ours})
	errs := []error{err}
	var g errgroup.Group
	for _, c := range containers {
		g.Go(func() error {
			return f.engine.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true})
		})
	}
	errs = append(errs, g.Wait())
	volumes, err := f.engine.VolumeList(ctx, volume.ListOptions{Filters: ours})
	errs = append(errs, err)
	for _, v := range volumes.Volumes {
		errs = append(errs, f.engine.VolumeRemove(ctx, v.Name, true))
	}
	networks, err := f.engine.NetworkList(ctx, network.ListOptions{Filters: ours})
	errs = append(errs, err)
	for _, n := range networks {
		errs = append(errs, f.engine.NetworkRemove(ctx, n.ID))
	}
	return errors.Join(errs...)
}
