package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/client"

	"volundr/runtime"
)

// imageBuild is one build at the engine.
type imageBuild struct {
	dir     string // of the recipe
	recipe  []byte // a Dockerfile in place of that
	tag     string
	args    map[string]string // empty ones are left to the recipe
	labels  map[string]string
	ca      []byte
	program program // or none
}

func (p *imagePlan) baseBuild(o ImageOptions, debian string) imageBuild {
	return imageBuild{
		dir: p.baseDir(), tag: p.baseRef(), ca: p.ca,
		args:   map[string]string{"BASE": debian, "DEBIAN_MIRROR": o.DebianMirror, "NPM_REGISTRY": o.NPMRegistry},
		labels: map[string]string{runtime.LabelApp: "volundr", labelBase: p.base, runtime.LabelKind: string(p.kind)},
	}
}

func (p *imagePlan) wholeBuild(o ImageOptions) imageBuild {
	// The recipe itself sets this label: one passed beside it is a step more.
	args := map[string]string{"BASE": p.baseRef(), "NPM_REGISTRY": o.NPMRegistry, "RECIPE": p.whole}
	if len(p.ca) > 0 {
		args["CA_BUNDLE"] = "/etc/ssl/certs/ca-certificates.crt"
	}
	return imageBuild{
		dir: string(p.kind), tag: p.ref(), ca: p.ca, args: args, program: p.program,
	}
}

// proxies are passed on to builds by name, as the docker client does; the
// engine keeps them out of the image and of the cache.
var proxies = []string{"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "ftp_proxy", "no_proxy"}

// build runs one build and returns the images of its stages, without the last.
// The classic builder is asked for: it needs no session beside the request, and
// every engine has it. The host's network is used because a company's bridge
// may have no way out.
func (m *imageMaker) build(ctx context.Context, b imageBuild, report func(runtime.Progress)) ([]string, error) {
	var program []byte
	var err error
	if b.program.in != nil {
		if program, err = b.program.read(); err != nil {
			return nil, fmt.Errorf("program of an image: %w", err)
		}
	}
	files, err := b.context(m.opts.Recipe, program)
	if err != nil {
		return nil, fmt.Errorf("pack the image's recipe: %w", err)
	}
	args := map[string]*string{}
	for name, value := range b.args {
		if value != "" {
			args[name] = &value
		}
	}
	for _, name := range proxies {
		if value := m.getenv(name); value != "" {
			args[name] = &value
		}
	}
	res, err := m.api.ImageBuild(ctx, bytes.NewReader(files), build.ImageBuildOptions{
		Version: build.BuilderV1, Tags: []string{b.tag}, Labels: b.labels, BuildArgs: args,
		NetworkMode: "host", Remove: true, ForceRemove: true,
	})
	if err != nil {
		if ctx.Err() != nil || client.IsErrConnectionFailed(err) {
			return nil, unavailable("build an image", err)
		}
		return nil, &BuildError{Message: err.Error()}
	}
	defer res.Body.Close()
	out := buildOutput{report: report}
	if err := out.read(res.Body); err != nil {
		return nil, err
	}
	return out.stages, nil
}

// context packs what the build needs.
func (b imageBuild) context(recipes fs.FS, program []byte) ([]byte, error) {
	if b.recipe == nil {
		return buildContext(recipes, b.dir, b.ca, b.program.as, program)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range []struct {
		name    string
		mode    int64
		content []byte
	}{{"Dockerfile", 0o644, b.recipe}, {b.program.as, 0o755, program}} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// read follows the build's JSON stream to its end.
func (o *buildOutput) read(body io.Reader) error {
	stream := json.NewDecoder(body)
	for {
		var message struct {
			Stream string `json:"stream"`
			Error  string `json:"error"`
		}
		err := stream.Decode(&message)
		if errors.Is(err, io.EOF) {
			o.flush()
			return nil
		}
		if err != nil {
			return unavailable("follow the image's build", err)
		}
		o.write(message.Stream)
		if message.Error != "" {
			o.flush()
			return o.failure(message.Error)
		}
	}
}
