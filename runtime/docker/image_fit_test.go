package docker

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/google/uuid"

	"volundr/runtime"
)

// derive makes an image of a name from another, as a Dockerfile does with these
// instructions.
func derive(t *testing.T, api *client.Client, from, name string, instructions ...string) {
	t.Helper()
	c, err := api.ContainerCreate(t.Context(), &container.Config{Image: from, Cmd: []string{"none"}}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	defer api.ContainerRemove(context.WithoutCancel(t.Context()), c.ID, container.RemoveOptions{Force: true})
	if _, err := api.ContainerCommit(t.Context(), c.ID, container.CommitOptions{Reference: name, Changes: instructions}); err != nil {
		t.Fatal(err)
	}
	removeImage(t, api, name)
}

// An image that somebody made from ours gets the program of this version; one of
// another origin, or that would run something while it is fitted, is refused.
func TestFit(t *testing.T) {
	api, base := imageEngine(t)
	version, err := api.ServerVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	recipe, name := smallRecipe(uuid.NewString()), "volundr-test-own:"+uuid.NewString()[:8]
	recipe["session/Dockerfile"].Data = []byte(strings.Replace(string(recipe["session/Dockerfile"].Data), " /volundr-session", " /usr/local/bin/volundr-session", 1))
	maker := func(program string) *imageMaker {
		return newImageMaker(api, ImageOptions{Recipe: recipe, Base: base, Programs: fstest.MapFS{programFile(version.Arch): packed(program)}}, slog.New(slog.DiscardHandler))
	}
	quiet := func(runtime.Progress) {}
	one := maker("one")
	ours, err := one.ensure(t.Context(), runtime.Session, nil)
	if err != nil {
		t.Fatal(err)
	}
	removeImage(t, api, ours)
	removeImage(t, api, one.plans[runtime.Session].baseRef())
	derive(t, api, ours, name, "ENV THEIRS=yes")

	var last string
	for _, program := range []string{"one", "program two"} {
		m := maker(program)
		fitted, err := m.fit(t.Context(), name, quiet)
		if err != nil {
			t.Fatal(err)
		}
		removeImage(t, api, fitted)
		if again, err := m.fit(t.Context(), name, quiet); again != fitted || err != nil {
			t.Errorf("fitted again: %s, %v", again, err)
		}
		found, err := api.ImageInspect(t.Context(), fitted)
		if err != nil || !strings.Contains(strings.Join(found.Config.Env, " "), "THEIRS=yes") {
			t.Fatalf("%+v, %v", found.Config, err)
		}
		if got, err := m.layers(t.Context(), fitted); err != nil || got[len(got)-1].Size != int64(len(program)) || fitted == last {
			t.Errorf("%s, after %s: layers %+v, %v", fitted, last, got, err)
		}
		last = fitted
	}

	loud := name + "-loud"
	derive(t, api, ours, loud, "ONBUILD RUN touch /ran")
	for ref, says := range map[string]string{
		base:               "is not made from the session image, which brings editor, terminal, git and the agents: begin its Dockerfile with FROM volundr-session:",
		loud:               "ONBUILD",
		"127.0.0.1:1/none": "could not be downloaded",
		"-x":               "is no name of an image",
	} {
		_, err := one.fit(t.Context(), ref, quiet)
		if err == nil || !strings.Contains(err.Error(), says) || errors.Is(err, runtime.ErrInvalid) == strings.Contains(says, "downloaded") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
