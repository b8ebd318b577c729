package docker

import (
	"bytes"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"

	"volundr/runtime"
)

func shell(t *testing.T, r *Runtime, id, part, script string) string {
	t.Helper()
	var out bytes.Buffer
	exit, err := r.Exec(t.Context(), id, runtime.ExecOptions{Part: part, Command: []string{"sh", "-c", script}, Stdout: &out, Stderr: &out})
	if err != nil || exit != 0 {
		t.Fatalf("%s: exit %d %v: %s", script, exit, err, out.String())
	}
	return strings.TrimSpace(out.String())
}

// foreign makes a session run as the owner of some folder, not as the image's user.
func foreign(s *runtime.Spec) {
	s.Parts[1].UID, s.Parts[1].GID = 4321, 1234
	for i := range s.Parts[1].Mounts {
		s.Parts[1].Mounts[i].UID, s.Parts[1].Mounts[i].GID = 4321, 1234
	}
	s.Parts[1].Mounts = append(s.Parts[1].Mounts, runtime.Mount{Volume: "extra", Path: "/not/in/the/image", UID: 4321, GID: 1234})
}

func TestFreshVolumesBelongToWhomTheSpecSays(t *testing.T) {
	const owners = "stat -c %u:%g /workspace /home/volundr /not/in/the/image; touch /workspace/x /home/volundr/x /not/in/the/image/x"
	r, s := running(t, foreign)
	if got := shell(t, r, s.ID, runtime.PartAgent, owners); got != "4321:1234\n4321:1234\n4321:1234" {
		t.Errorf("owners %q", got)
	}
	if got := shell(t, r, s.ID, runtime.PartBroker, "stat -c %u:%g /journal"); got != "900:900" {
		t.Errorf("journal: %q", got)
	}

	t.Run("once: what the owner changed stays", func(t *testing.T) {
		shell(t, r, s.ID, runtime.PartAgent, "chmod 700 /workspace")
		s.Run = 2
		if err := r.Start(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if got := shell(t, r, s.ID, runtime.PartAgent, "stat -c %a:%u /workspace; ls /workspace"); got != "700:4321\nx" {
			t.Errorf("after a second start: %q", got)
		}
	})
	t.Run("labels", func(t *testing.T) {
		vols, err := r.api.VolumeList(t.Context(), volume.ListOptions{Filters: r.ours(s.ID)})
		if err != nil || len(vols.Volumes) != 4 {
			t.Fatalf("%d volumes %v", len(vols.Volumes), err)
		}
		for _, v := range vols.Volumes {
			if v.Labels[runtime.LabelName] != s.Name || v.Labels[runtime.LabelRun] != "" || v.Name != r.volumeName(s.ID, v.Labels[runtime.LabelPart]) {
				t.Errorf("%s %v", v.Name, v.Labels)
			}
		}
	})
}

// A start that was cut off between making a volume and handing it over leaves
// the container that was to hand it over.
func TestHandOverIsRepeatedWhenItWasCutOff(t *testing.T) {
	e := engine(t)
	r := installation(t, e, false)
	image, err := r.EnsureImage(t.Context(), runtime.Session, func(runtime.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, image)
	foreign(&s)
	s.Run = 3
	_, host := r.container(s, s.Parts[1], noNetwork)
	if _, err := r.api.ContainerCreate(t.Context(), &container.Config{Image: image, Labels: r.labels(s, partOwner)},
		&container.HostConfig{Mounts: host.Mounts}, nil, nil, ""); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if got := shell(t, r, s.ID, runtime.PartAgent, "stat -c %u:%g /workspace /not/in/the/image"); got != "4321:1234\n4321:1234" {
		t.Errorf("owners %q", got)
	}
	all, err := r.api.ContainerList(t.Context(), container.ListOptions{All: true, Filters: r.ours(s.ID)})
	if err != nil || len(all) != len(s.Parts) {
		t.Errorf("%d containers %v, want %d", len(all), err, len(s.Parts))
	}
}
