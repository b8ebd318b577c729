package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"volundr/runtime"
)

// dockerHub is how logins to it are kept.
const dockerHub = "https://index.docker.io/v1/"

// PushImage makes sure of an image of ours and gives it to a registry under the
// name to, with the login that `docker login` has left. A name without a tag
// gets the image's own, which is another for every recipe. ref is how it is
// pulled from there. ErrInvalid when to is no such name.
func (r *Runtime) PushImage(ctx context.Context, kind runtime.Kind, to string, progress func(runtime.Progress)) (ref string, err error) {
	named, err := reference.ParseNormalizedNamed(to)
	if err != nil {
		return "", fmt.Errorf("%w: %q is no name of an image such as registry.example.com/team/volundr-session: %w", runtime.ErrInvalid, to, err)
	}
	if _, digested := named.(reference.Digested); digested {
		return "", fmt.Errorf("%w: %q names a digest, which only the registry can give: leave it out", runtime.ErrInvalid, to)
	}
	ours, err := r.EnsureImage(ctx, kind, progress)
	if err != nil {
		return "", err
	}
	if reference.IsNameOnly(named) {
		_, tag, _ := strings.Cut(ours, ":")
		if named, err = reference.WithTag(named, tag); err != nil {
			return "", err
		}
	}
	return reference.FamiliarString(named), r.push(ctx, ours, named, progress)
}

func (r *Runtime) push(ctx context.Context, ours string, named reference.Named, progress func(runtime.Progress)) error {
	host := reference.Domain(named)
	key := host
	if host == "docker.io" {
		key = dockerHub
	}
	kept, err := config.LoadDefaultConfigFile(io.Discard).GetAuthConfig(key)
	if err != nil {
		return fmt.Errorf("the login to %s cannot be read from docker's configuration: %w", host, err)
	}
	login, err := registry.EncodeAuthConfig(loginOf(kept))
	if err != nil {
		return err
	}
	ref := reference.FamiliarString(named)
	if err := r.api.ImageTag(ctx, ours, ref); err != nil {
		return fmt.Errorf("name the image %s: %w", ref, translate(err))
	}
	out, err := r.api.ImagePush(ctx, ref, image.PushOptions{RegistryAuth: login})
	if err != nil {
		return fmt.Errorf("push %s: %w", ref, translate(err))
	}
	defer out.Close()
	return refusal(host, follow(out, progress))
}

func loginOf(a types.AuthConfig) registry.AuthConfig {
	return registry.AuthConfig{Username: a.Username, Password: a.Password, Auth: a.Auth, ServerAddress: a.ServerAddress,
		IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken}
}

// follow reads how a push goes on, to its end.
func follow(out io.Reader, progress func(runtime.Progress)) error {
	layers := map[string]bool{} // by id, whether it is there
	lines := json.NewDecoder(out)
	for {
		var m struct {
			ID     string `json:"id"`
			Status string `json:"status"`
			Error  string `json:"error"`
		}
		switch err := lines.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the engine broke off: %w", err)
		case m.Error != "":
			return errors.New(controls.ReplaceAllString(m.Error, ""))
		}
		there := m.Status == "Pushed" || m.Status == "Layer already exists" || strings.HasPrefix(m.Status, "Mounted from")
		if m.ID == "" || !there && m.Status != "Preparing" || layers[m.ID] == there && len(layers) > 0 {
			continue
		}
		layers[m.ID] = there
		n := 0
		for _, there := range layers {
			if there {
				n++
			}
		}
		if there {
			progress(runtime.Progress{Step: n, Steps: len(layers), Text: fmt.Sprintf("pushed layer %d of %d", n, len(layers))})
		}
	}
}

// refusal says what to do about a registry that does not take an image.
func refusal(host string, err error) error {
	if err == nil {
		return nil
	}
	for _, says := range []string{"denied", "unauthorized", "authentication required", "no basic auth"} {
		if strings.Contains(strings.ToLower(err.Error()), says) {
			return fmt.Errorf("%s does not take the image from us: log in with `docker login %s`, then push again (%w)", host, host, err)
		}
	}
	return fmt.Errorf("the image did not get to %s: %w", host, err)
}
