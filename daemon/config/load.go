package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Load reads the configuration: defaults, the file over them, flags over both.
// The file need not exist. Errors are sentences that name file and line.
func Load(flags Flags) (Config, error) {
	p, err := paths(flags.DataDir)
	if err != nil {
		return Config{}, err
	}
	raw, err := read(p.Config)
	if err != nil {
		return Config{}, err
	}
	return load(p, raw, flags)
}

// read is a file's text; empty when there is no file.
func read(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return raw, nil
}

func load(p Paths, raw []byte, flags Flags) (Config, error) {
	c, err := parse(p.Config, raw)
	if err != nil {
		return Config{}, err
	}
	c.Paths = p
	overlay(&c.Listen, flags.Listen)
	overlay(&c.Engine, flags.Engine)
	overlay(&c.Image.CABundle, flags.CABundle)
	overlay(&c.Runtime, flags.Runtime)
	if c.Kubernetes == nil && (c.Runtime == "kubernetes" || flags.Context != "" || flags.Namespace != "") {
		c.Kubernetes = &Kubernetes{}
	}
	if k := c.Kubernetes; k != nil {
		overlay(&k.Context, flags.Context)
		overlay(&k.Namespace, flags.Namespace)
	}
	c.OIDC.fill()
	c.Public.fill()
	if err := c.Sandbox.environment(os.LookupEnv); err != nil {
		return Config{}, err
	}
	if err := c.resolve(filepath.Dir(p.Config), flags.CABundle != ""); err != nil {
		return Config{}, err
	}
	if bad := c.check(); bad != nil {
		return Config{}, bad.in(p.Config, raw, flags)
	}
	return c, nil
}

func overlay(to *string, flag string) {
	if flag != "" {
		*to = flag
	}
}

// resolve makes file names absolute: those of the file against its folder,
// those of flags against where we are.
func (c *Config) resolve(folder string, caFromFlag bool) (err error) {
	files := []*string{&c.Sandbox.TLS.Cert, &c.Sandbox.TLS.Key}
	if p := c.Public; p != nil {
		files = append(files, &p.TLS.Cert, &p.TLS.Key)
	}
	for _, file := range files {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(folder, *file)
		}
	}
	if k := c.Kubernetes; k != nil && k.Kubeconfig != "" && !filepath.IsAbs(k.Kubeconfig) {
		k.Kubeconfig = filepath.Join(folder, k.Kubeconfig)
	}
	if o := c.OIDC; o != nil && o.ClientSecretFile != "" && !filepath.IsAbs(o.ClientSecretFile) {
		o.ClientSecretFile = filepath.Join(folder, o.ClientSecretFile)
	}
	if recipe := c.Image.Recipe; recipe != "" && !filepath.IsAbs(recipe) {
		c.Image.Recipe = filepath.Join(folder, recipe)
	}
	if ca := c.Image.CABundle; ca != "" && !filepath.IsAbs(ca) {
		if caFromFlag {
			c.Image.CABundle, err = filepath.Abs(ca)
		} else {
			c.Image.CABundle = filepath.Join(folder, ca)
		}
	}
	return err
}

func parse(name string, raw []byte) (Config, error) {
	c := defaults()
	err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&c)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, io.EOF): // nothing is set
		return defaults(), nil
	}
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		// The library keeps no position for what package time says.
		if strings.HasPrefix(err.Error(), "time:") {
			bad := problem{path: wrongDuration(raw), msg: "this is not a duration such as 300s or 24h"}
			return Config{}, bad.in(name, raw, Flags{})
		}
		return Config{}, fmt.Errorf("%s: %w", name, err)
	}
	line := at.GetToken().Position.Line
	var field *yaml.UnknownFieldError
	if errors.As(err, &field) {
		if all := unknown(name, raw); len(all) > 0 {
			return Config{}, errors.New(all[0])
		}
		return Config{}, fmt.Errorf("%s:%d: there is no setting %q here: correct its name or take the line out", name, line, at.GetToken().Value)
	}
	return Config{}, fmt.Errorf("%s:%d: %s", name, line, at.GetMessage())
}

// wrongDuration is the path of the first duration that cannot be read.
func wrongDuration(raw []byte) string {
	paths := []string{"$.provisioning.timeout", "$.sandbox.max_lifetime", "$.sandbox.files.ttl", "$.oidc.login_life", "$.public.proxy_login.login_life"}
	for _, path := range paths {
		at, err := yaml.PathString(path)
		if err != nil {
			continue
		}
		if node, err := at.ReadNode(bytes.NewReader(raw)); err == nil && node.GetToken() != nil {
			if _, err := time.ParseDuration(node.GetToken().Value); err != nil {
				return path
			}
		}
	}
	return paths[0]
}
