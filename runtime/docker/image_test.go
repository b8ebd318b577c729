package docker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/google/uuid"

	"volundr/runtime"
)

// imageEngine connects to the machine's engine and gives it a base of one file.
func imageEngine(t *testing.T) (api *client.Client, base string) {
	t.Helper()
	e, _, err := Find(t.Context(), "")
	if err != nil {
		t.Skip("layer not run: Docker engine:", err)
	}
	if api, err = e.Client(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	var root bytes.Buffer
	w := tar.NewWriter(&root)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "base", Mode: 0o644}), w.Close()); err != nil {
		t.Fatal(err)
	}
	base = "volundr-test-base:" + uuid.NewString()[:8]
	body, err := api.ImageImport(t.Context(), image.ImportSource{Source: &root, SourceName: "-"}, base, image.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.Copy(io.Discard, body); err != nil {
		t.Fatal(err)
	}
	removeImage(t, api, base)
	return api, base
}

func removeImage(t *testing.T, api *client.Client, ref string) {
	// The test's context is over by then.
	t.Cleanup(func() {
		api.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true, PruneChildren: true})
	})
}

// smallRecipe has the real one's shape: a stage, a base, a session layer.
func smallRecipe(mark string) fstest.MapFS {
	return fstest.MapFS{
		"base/Dockerfile": {Data: []byte("ARG BASE\nFROM ${BASE} AS stage\nLABEL volundr.stage=" + mark +
			"\nCOPY Dockerfile /made\nFROM scratch AS layers\nCOPY --from=stage /made /made\n")},
		"session/Dockerfile": {Data: []byte("ARG BASE\nFROM ${BASE} AS session\nARG RECIPE\nCOPY volundr-session /volundr-session\nLABEL volundr.recipe=${RECIPE}\n")},
	}
}

// packed is a session program as it lies in the executable.
func packed(program string) *fstest.MapFile {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(program))
	w.Close()
	return &fstest.MapFile{Data: b.Bytes()}
}

func TestEnsureImageBuildsWhatIsMissingAndNoMore(t *testing.T) {
	api, base := imageEngine(t)
	mark := uuid.NewString()
	version, err := api.ServerVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ensure := func(program string) (ref string, stages string) {
		t.Helper()
		m := newImageMaker(api, ImageOptions{
			Recipe: smallRecipe(mark), Base: base,
			Programs: fstest.MapFS{programFile(version.Arch): packed(program)},
		}, slog.New(slog.DiscardHandler))
		seen := map[string]bool{}
		ref, err := m.ensure(t.Context(), runtime.Session, func(p runtime.Progress) {
			name, _, _ := strings.Cut(p.Text, " ")
			if !seen[name] && name != "image" && name != "preparing" {
				seen[name], stages = true, strings.TrimSpace(stages+" "+name)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		removeImage(t, api, ref)
		removeImage(t, api, m.plans[runtime.Session].baseRef())
		return ref, stages
	}

	one, stages := ensure("one")
	if stages != "stage layers session" {
		t.Errorf("the first build went through %q", stages)
	}
	found, err := api.ImageInspect(t.Context(), one)
	if err != nil || !strings.HasPrefix(found.Config.Labels[labelRecipe], strings.TrimPrefix(one, "volundr-session:")) {
		t.Errorf("%v, %v", found.Config.Labels, err)
	}
	got, err := newImageMaker(api, ImageOptions{}, slog.New(slog.DiscardHandler)).layers(t.Context(), one)
	if err != nil || len(got) != 2 || !strings.HasPrefix(got[0].Step, "COPY file:") || got[1].Size != int64(len("one")) {
		t.Errorf("layers %+v, %v", got, err)
	}
	left, err := api.ImageList(t.Context(), image.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", labelStage+"="+mark))})
	if err != nil || len(left) > 0 {
		t.Errorf("%d images of the stage are left, %v", len(left), err)
	}
	if again, stages := ensure("one"); again != one || stages != "" {
		t.Errorf("an image that fits was built again: %s, %q", again, stages)
	}
	if two, stages := ensure("two"); two == one || stages != "session" {
		t.Errorf("another program went through %q to %s", stages, two)
	}
	if _, err := api.ImageInspect(t.Context(), one); err != nil {
		t.Errorf("the young image of another version was pruned: %v", err)
	}
}

// The daemon's image holds an executable as it is, and is another with another.
func TestTheDaemonsImageHoldsTheExecutable(t *testing.T) {
	api, base := imageEngine(t)
	small := smallRecipe(uuid.NewString())
	recipe := fstest.MapFS{"base/apt.sh": {Data: []byte("true")}, "daemon-base/system.sh": {Data: []byte("true")}, "sandbox-base/Dockerfile": small["base/Dockerfile"],
		"daemon/Dockerfile": {Data: bytes.ReplaceAll(small["session/Dockerfile"].Data, []byte("volundr-session"), []byte("volundr"))}}
	file := filepath.Join(t.TempDir(), "volundr-1.2")
	m := newImageMaker(api, ImageOptions{Recipe: recipe, Base: base, Daemon: file}, slog.New(slog.DiscardHandler))
	refs := map[string]bool{}
	for _, program := range []string{"one", "another"} {
		write(t, file, program)
		m.plans = map[runtime.Kind]*imagePlan{} // as in the next process
		ref, err := m.ensure(t.Context(), KindDaemon, func(runtime.Progress) {})
		if err != nil {
			t.Fatal(err)
		}
		removeImage(t, api, ref)
		removeImage(t, api, m.plans[KindDaemon].baseRef())
		got, err := m.layers(t.Context(), ref)
		if err != nil || !strings.HasPrefix(ref, "volundr-daemon:") || refs[ref] || !slices.ContainsFunc(got, func(l Layer) bool { return l.Size == int64(len(program)) }) {
			t.Errorf("%s: layers %+v, %v", ref, got, err)
		}
		refs[ref] = true
	}
}

func TestStepsOfLayersReadAsTheirRecipe(t *testing.T) {
	for by, want := range map[string]string{
		"/bin/sh -c #(nop) COPY dir:ab in /opt ":             "COPY dir:ab in /opt",
		"|2 A=b C=d /bin/sh -c apt-get update \\\n  && true": "RUN apt-get update \\ && true",
		"COPY /usr /usr # buildkit":                          "COPY /usr /usr # buildkit",
	} {
		if got := step(by); got != want {
			t.Errorf("%q is %q, want %q", by, got, want)
		}
	}
}

func TestEnsureImageExplainsWhatFails(t *testing.T) {
	api, base := imageEngine(t)
	version, err := api.ServerVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	programs := fstest.MapFS{programFile(version.Arch): packed("x")}
	mark := uuid.NewString()
	broken := smallRecipe(mark)
	broken["base/Dockerfile"].Data = bytes.Replace(broken["base/Dockerfile"].Data, []byte("COPY Dockerfile"), []byte("COPY absent"), 1)
	t.Cleanup(func() { // what a failed build leaves is its cache
		api.ImagesPrune(context.Background(), filters.NewArgs(filters.Arg("dangling", "true"), filters.Arg("label", labelStage+"="+mark)))
	})
	for _, tt := range []struct {
		name string
		kind runtime.Kind
		opts ImageOptions
		is   error
		says string
	}{
		{"a step", runtime.Session, ImageOptions{Recipe: broken, Programs: programs, Base: base}, runtime.ErrInvalid, "COPY absent"},
		{"no session program", runtime.Session, ImageOptions{Recipe: broken, Programs: fstest.MapFS{}}, runtime.ErrInvalid, "make build"},
		{"no base", runtime.Session, ImageOptions{Recipe: smallRecipe(uuid.NewString()), Programs: programs, Base: "127.0.0.1:1/none"}, runtime.ErrInvalid, "127.0.0.1:1/none"},
		{"a recipe without sandboxes", runtime.Sandbox, ImageOptions{Recipe: smallRecipe(uuid.NewString()), Programs: programs}, runtime.ErrInvalid, "sandbox"},
		{"a kind that there is not", "pod", ImageOptions{}, runtime.ErrUnsupported, "pod"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newImageMaker(api, tt.opts, slog.New(slog.DiscardHandler))
			_, err := m.ensure(t.Context(), tt.kind, nil)
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Error(err)
			}
		})
	}
}

func TestEnsureImageWithoutAnEngine(t *testing.T) {
	api, err := Endpoint{Host: "tcp://127.0.0.1:1"}.Client()
	if err != nil {
		t.Fatal(err)
	}
	m := newImageMaker(api, ImageOptions{Recipe: smallRecipe("x"), Programs: fstest.MapFS{}}, slog.New(slog.DiscardHandler))
	if _, err := m.ensure(t.Context(), runtime.Session, nil); !errors.Is(err, runtime.ErrUnavailable) {
		t.Error(err)
	}
}
