package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"volundr/runtime/kubernetes/cluster/image"
)

// load copies images of the Docker engine into the cluster's containerd, under
// their names.
func (c cluster) load(ctx context.Context, images []string) error {
	if len(images) == 0 {
		return errors.New("name the images to load")
	}
	if c.first() == 0 {
		return fmt.Errorf("cluster %s does not run: bring it up first", c.name)
	}
	save := exec.CommandContext(ctx, "docker", append([]string{"save"}, images...)...)
	save.Stderr = os.Stderr
	archive, err := save.StdoutPipe()
	if err != nil {
		return err
	}
	if err := save.Start(); err != nil {
		return fmt.Errorf("ask the Docker engine for images: %w", err)
	}
	failed := c.take(ctx, archive)
	if failed != nil {
		archive.Close()
	}
	if err := save.Wait(); err != nil {
		return fmt.Errorf("docker save: %w", errors.Join(err, failed))
	}
	return failed
}

// loadPause makes the image of every pod's first container, from the program
// beside this executable.
func (c cluster) loadPause(ctx context.Context) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.ReadFile(filepath.Join(filepath.Dir(own), "pod"))
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(image.Write(w, pauseImage, "/pod", program)) }()
	defer r.Close()
	return c.take(ctx, r)
}

// take imports an archive as docker save makes it.
func (c cluster) take(ctx context.Context, archive io.Reader) error {
	take := exec.CommandContext(ctx, "ctr", "--address", c.seen(containerd), "--namespace", "k8s.io", "images", "import", "-")
	take.Stdin = archive
	if out, err := take.CombinedOutput(); err != nil {
		return fmt.Errorf("give images to containerd: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
