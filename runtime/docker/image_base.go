package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/docker/docker/api/types/image"

	"volundr/runtime"
)

const (
	// hubDebian is where the base comes from when a registry answers.
	hubDebian = "docker.io/library/debian:forky-slim"
	// ownDebian is what we make when none does.
	ownDebian = "volundr-debian:forky"
	// pullLimit bounds the download of 30 MB.
	pullLimit = 5 * time.Minute
)

// debian gives the image that the build starts from: one that is there, else
// the registry's, else one made here with mmdebstrap.
func (m *imageMaker) debian(ctx context.Context, arch string, report func(runtime.Progress)) (string, error) {
	wanted := cmp.Or(m.opts.Base, hubDebian)
	there := []string{wanted}
	if m.opts.Base == "" { // one that was configured is taken, or nothing
		there = append(there, ownDebian)
	}
	for _, ref := range there {
		if found, err := m.api.ImageInspect(ctx, ref); err == nil && found.Architecture == arch {
			return ref, nil
		}
	}
	report(runtime.Progress{Text: "Debian base", Log: "Downloading " + wanted})
	pullErr := m.pull(ctx, wanted, arch, "Debian base", report)
	if pullErr == nil {
		return wanted, nil
	}
	if ctx.Err() != nil {
		return "", pullErr
	}
	if m.opts.Base != "" {
		return "", &BuildError{Where: "Debian base", Message: fmt.Sprintf("the configured base image %s cannot be had: %v", wanted, pullErr)}
	}
	m.log.Info("No image registry answers, the base is made here", "error", pullErr)
	report(runtime.Progress{Text: "Debian base", Log: "No image registry answers; making the base with mmdebstrap"})
	if err := m.bootstrap(ctx, arch, report); err != nil {
		return "", fmt.Errorf("%w\n  registry: %w", err, pullErr)
	}
	return ownDebian, nil
}

// pull downloads an image, which people are told of as text.
func (m *imageMaker) pull(ctx context.Context, ref, arch, text string, report func(runtime.Progress)) error {
	ctx, cancel := context.WithTimeout(ctx, pullLimit)
	defer cancel()
	body, err := m.api.ImagePull(ctx, ref, image.PullOptions{Platform: "linux/" + arch})
	if err != nil {
		return err
	}
	defer body.Close()
	stream := json.NewDecoder(body)
	for {
		var message struct {
			Status string `json:"status"`
			Error  string `json:"error"`
		}
		switch err := stream.Decode(&message); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case message.Error != "":
			return errors.New(message.Error)
		}
		report(runtime.Progress{Text: text, Log: message.Status})
	}
}

// bootstrap makes the base from Debian packages on this machine and gives it to
// the engine.
func (m *imageMaker) bootstrap(ctx context.Context, arch string, report func(runtime.Progress)) error {
	cannot := func(why string) error {
		return &BuildError{Where: "Debian base", Message: fmt.Sprintf(
			"no image registry answers, and the base cannot be made on this machine: %s. Or give the engine the image %s (docker pull, docker load)", why, hubDebian)}
	}
	if goruntime.GOOS != "linux" || goruntime.GOARCH != arch {
		return cannot(fmt.Sprintf("that needs Linux on %s, as the engine has", arch))
	}
	out := buildOutput{report: func(p runtime.Progress) { report(runtime.Progress{Text: "Debian base", Log: p.Log}) }}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		if !canInstall() {
			return cannot("install mmdebstrap (on Debian and Ubuntu: sudo apt-get install mmdebstrap debian-archive-keyring)")
		}
		if err := aptInstall(ctx, &out, "mmdebstrap", "debian-archive-keyring"); err != nil {
			return cannot("mmdebstrap cannot be installed: " + err.Error())
		}
	}
	root, err := os.CreateTemp("", "volundr-debian-*.tar")
	if err != nil {
		return fmt.Errorf("make the Debian base: %w", err)
	}
	defer os.Remove(root.Name())
	defer root.Close()

	err = m.mmdebstrap(ctx, root, &out)
	if err != nil && ctx.Err() == nil && out.says("is expired", "Valid-Until") {
		// A mirror's snapshot of testing can be older than its own validity date.
		// The signatures are checked all the same.
		m.log.Warn("The Debian mirror's index is out of date, its date is let pass")
		out.write("The mirror's index is out of date: trying again without its date.\n")
		err = m.mmdebstrap(ctx, root, &out, `--aptopt=Acquire::Check-Valid-Until "false"`)
	}
	if err != nil {
		out.flush()
		return &BuildError{Where: "Debian base", Instruction: "mmdebstrap forky", Message: err.Error(), Tail: out.tail}
	}
	return m.importRoot(ctx, root)
}

func (m *imageMaker) mmdebstrap(ctx context.Context, root *os.File, out io.Writer, opts ...string) error {
	if err := errors.Join(root.Truncate(0), seek(root)); err != nil {
		return err
	}
	args := append(opts, "--variant=minbase", "--include=ca-certificates", "--format=tar", "forky", "-")
	if m.opts.DebianMirror != "" {
		args = append(args, m.opts.DebianMirror)
	}
	cmd := exec.CommandContext(ctx, "mmdebstrap", args...)
	// Asked to end, it takes its folder away; killed, it leaves it.
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, 10*time.Second
	cmd.Stdout, cmd.Stderr = root, out
	return cmd.Run()
}

func seek(f *os.File) error { _, err := f.Seek(0, io.SeekStart); return err }

func (m *imageMaker) importRoot(ctx context.Context, root *os.File) error {
	if err := seek(root); err != nil {
		return err
	}
	body, err := m.api.ImageImport(ctx, image.ImportSource{Source: root, SourceName: "-"}, ownDebian,
		image.ImportOptions{Changes: []string{"LABEL " + runtime.LabelApp + "=volundr"}})
	if err != nil {
		return unavailable("import the Debian base", err)
	}
	defer body.Close()
	said, err := io.ReadAll(body)
	if err != nil {
		return unavailable("import the Debian base", err)
	}
	if bytes.Contains(said, []byte(`"error"`)) {
		return &BuildError{Where: "Debian base", Message: string(said)}
	}
	return nil
}

// Write makes the output a place for a program's own.
func (o *buildOutput) Write(p []byte) (int, error) {
	o.write(string(p))
	return len(p), nil
}

// says reports whether one of the last lines contains one of the words.
func (o *buildOutput) says(words ...string) bool {
	for _, line := range o.tail {
		for _, word := range words {
			if strings.Contains(line, word) {
				return true
			}
		}
	}
	return false
}
