package docker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"volundr/runtime"
)

// imagePlan is what the image of a kind consists of, of this build and on this
// engine.
type imagePlan struct {
	kind   runtime.Kind
	arch   string // the engine's, as GOARCH
	base   string // digest of the base recipe
	whole  string // digest of all of it
	ca     []byte // private CA, or nothing
	caFrom string // where it came from

	program program
}

func (p *imagePlan) baseRef() string { return "volundr-" + string(p.kind) + "-base:" + p.base[:12] }
func (p *imagePlan) ref() string     { return "volundr-" + string(p.kind) + ":" + p.whole[:12] }

// baseDir is the folder of the base's recipe, the image's own is the kind.
func (p *imagePlan) baseDir() string {
	if p.kind == runtime.Session {
		return "base"
	}
	return string(p.kind) + "-base"
}

// lent are files of one recipe that another uses: the daemon's base is made by
// the same steps as the sandbox's, of a system.sh of its own.
var lent = map[string][]string{"sandbox-base": {"base/apt.sh"}, "daemon-base": {"base/apt.sh", "sandbox-base/Dockerfile"}}

func (m *imageMaker) planned(ctx context.Context, kind runtime.Kind) (*imagePlan, error) {
	if kind != runtime.Session && kind != runtime.Sandbox && kind != KindDaemon {
		return nil, fmt.Errorf("image for a %s: %w", kind, runtime.ErrUnsupported)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if plan := m.plans[kind]; plan != nil {
		return plan, nil
	}
	version, err := m.api.ServerVersion(ctx)
	if err != nil {
		return nil, unavailable("ask the engine for its architecture", err)
	}
	plan := &imagePlan{kind: kind, arch: version.Arch}
	if plan.ca, plan.caFrom, err = caBundle(m.opts.CABundle, m.getenv); err != nil {
		return nil, err
	}
	base, err := digestFiles(m.opts.Recipe, plan.baseDir(), "arch "+plan.arch)
	for _, name := range lent[plan.baseDir()] {
		sum, lentErr := digestFile(m.opts.Recipe, name)
		base, err = digest([]byte(base+sum)), errors.Join(err, lentErr)
	}
	if err != nil {
		return nil, fmt.Errorf("%w recipe of the %s image: %w", runtime.ErrInvalid, kind, err)
	}
	// What the last layer is made of. The CA counts here and not above: for
	// the base it only carries the downloads.
	layer, err := digestFiles(m.opts.Recipe, string(kind), "base "+base, "ca "+digest(plan.ca), "npm "+m.opts.NPMRegistry)
	if err != nil {
		return nil, fmt.Errorf("%w recipe of the %s image: %w", runtime.ErrInvalid, kind, err)
	}
	if plan.program, err = m.program(kind, plan.arch); err != nil {
		return nil, err
	}
	sum, err := digestFile(plan.program.in, plan.program.name)
	if errors.Is(err, fs.ErrNotExist) && kind != KindDaemon {
		return nil, fmt.Errorf("%w: this volundr was built without its session program for linux/%s, which the engine needs; build it with: make build", runtime.ErrInvalid, plan.arch)
	}
	if err != nil {
		return nil, fmt.Errorf("program of the %s image: %w", kind, err)
	}
	plan.base, plan.whole = base, digest([]byte(layer+sum))
	m.plans[kind] = plan
	return plan, nil
}

// forget lets the next try read the recipe and the CA anew.
func (m *imageMaker) forget(plan *imagePlan) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plans[plan.kind] == plan {
		delete(m.plans, plan.kind)
	}
}

// program is the file that is laid over a base.
type program struct {
	in   fs.FS
	name string // of the file; packed with gzip if it says so
	as   string // its name in the image
}

// program of a kind's image: the one inside sessions, or this executable.
func (m *imageMaker) program(kind runtime.Kind, arch string) (program, error) {
	if kind != KindDaemon {
		return program{m.opts.Programs, programFile(arch), sessionProgram}, nil
	}
	if goruntime.GOOS != "linux" || goruntime.GOARCH != arch {
		return program{}, fmt.Errorf("%w: the daemon's image holds this very program, which is for %s/%s, and the engine is linux/%s: make it with a volundr for that",
			runtime.ErrInvalid, goruntime.GOOS, goruntime.GOARCH, arch)
	}
	file := m.opts.Daemon
	if file == "" {
		var err error
		if file, err = os.Executable(); err != nil {
			return program{}, err
		}
	}
	return program{os.DirFS(filepath.Dir(file)), filepath.Base(file), "volundr"}, nil
}

// read gives the program's bytes.
func (p program) read() ([]byte, error) {
	if strings.HasSuffix(p.name, ".gz") {
		return unpacked(p.in, p.name)
	}
	return fs.ReadFile(p.in, p.name)
}

const sessionProgram = "volundr-session"

func programFile(arch string) string { return "volundr-session-linux-" + arch + ".gz" }

// caBundle gives the PEM that registries are verified by: the named file, else
// the one that the environment already names for other programs.
func caBundle(file string, getenv func(string) string) (pem []byte, from string, err error) {
	if file != "" {
		pem, err := os.ReadFile(file)
		if err == nil && !bytes.Contains(pem, []byte("-----BEGIN CERTIFICATE-----")) {
			err = errors.New("it holds no certificate in PEM form")
		}
		if err != nil {
			return nil, "", fmt.Errorf("%w CA bundle %s: %w", runtime.ErrInvalid, file, err)
		}
		return pem, file, nil
	}
	for _, name := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		if pem, err := os.ReadFile(getenv(name)); err == nil && len(pem) > 0 {
			return pem, getenv(name) + " (from " + name + ")", nil
		}
	}
	return nil, "", nil
}

// digestFiles digests the notes and every file below dir, in order, with its name.
func digestFiles(files fs.FS, dir string, notes ...string) (string, error) {
	h := sha256.New()
	for _, note := range notes {
		fmt.Fprintf(h, "%s\n", note)
	}
	err := fs.WalkDir(files, dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		sum, err := digestFile(files, name)
		fmt.Fprintf(h, "%s %s\n", sum, name)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

func digestFile(files fs.FS, name string) (string, error) {
	f, err := files.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// unpacked reads a file that is packed with gzip.
func unpacked(files fs.FS, name string) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// buildContext packs the recipe's folder and what is not in it. Owners, modes
// and times are always the same, so that the engine's layer cache holds.
func buildContext(recipe fs.FS, dir string, ca []byte, as string, program []byte) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, mode int64, content []byte) error {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		_, err := w.Write(content)
		return err
	}
	err := fs.WalkDir(recipe, dir, func(name string, entry fs.DirEntry, err error) error {
		rel := path.Clean("." + name[len(dir):])
		switch {
		case err != nil || rel == ".":
			return err
		case entry.IsDir():
			return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: rel + "/", Mode: 0o755})
		}
		content, err := fs.ReadFile(recipe, name)
		if err != nil {
			return err
		}
		return add(rel, 0o644, content)
	})
	for _, name := range lent[dir] {
		content, lentErr := fs.ReadFile(recipe, name)
		if err = errors.Join(err, lentErr); err == nil {
			err = add(path.Base(name), 0o644, content)
		}
	}
	if err == nil {
		err = add("ca.crt", 0o644, ca)
	}
	if err == nil && program != nil {
		err = add(as, 0o755, program)
	}
	return b.Bytes(), errors.Join(err, w.Close())
}
