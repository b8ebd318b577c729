package config

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml"
)

// problem is a value that cannot be.
type problem struct {
	path string // of the value in the file, as in "$.image.base"
	flag string // the flag that may have set it, and
	set  func(Flags) string
	msg  string
}

// in says where the value was set.
func (p *problem) in(file string, raw []byte, flags Flags) error {
	if p.set != nil && p.set(flags) != "" {
		return fmt.Errorf("%s: %s", p.flag, p.msg)
	}
	at, err := yaml.PathString(p.path)
	if err != nil {
		return fmt.Errorf("%s: %s", file, p.msg)
	}
	if node, err := at.ReadNode(bytes.NewReader(raw)); err == nil && node.GetToken() != nil {
		return fmt.Errorf("%s:%d: %s", file, node.GetToken().Position.Line, p.msg)
	}
	return fmt.Errorf("%s: %s", file, p.msg)
}

func (c Config) check() *problem {
	bad := func(path, format string, args ...any) *problem {
		return &problem{path: path, msg: fmt.Sprintf(format, args...)}
	}
	if msg := checkListen(c.Listen); msg != "" {
		return &problem{"$.listen", "--listen", func(f Flags) string { return f.Listen }, msg}
	}
	if c.Runtime != "docker" && c.Runtime != "kubernetes" {
		return &problem{"$.runtime", "--runtime", func(f Flags) string { return f.Runtime },
			fmt.Sprintf("runtime %q is not known: sessions run on docker or kubernetes", c.Runtime)}
	}
	if k := c.EnvironmentKeys; !slices.Contains([]string{"admins", "tenant", "everybody"}, k) {
		return bad("$.environment_keys", "environment_keys %q is not known: keys of the daemon's environment are for admins, tenant or everybody", k)
	}
	if e := c.Engine; e != "" {
		if u, err := url.Parse(e); err != nil || !slices.Contains([]string{"unix", "npipe", "tcp", "http", "https", "ssh"}, u.Scheme) {
			return &problem{"$.engine", "--engine", func(f Flags) string { return f.Engine },
				fmt.Sprintf("engine %q is not an address of a Docker engine: write it as unix:///var/run/docker.sock or tcp://host:2376", e)}
		}
	}
	if ca := c.Image.CABundle; ca != "" {
		if _, err := os.Stat(ca); err != nil {
			return &problem{"$.image.ca_bundle", "--ca-bundle", func(f Flags) string { return f.CABundle },
				fmt.Sprintf("the certificate bundle cannot be read: %s", err)}
		}
	}
	for _, part := range []string{"base", "session"} {
		if c.Image.Recipe == "" {
			break
		}
		if _, err := os.Stat(filepath.Join(c.Image.Recipe, part, "Dockerfile")); err != nil {
			return bad("$.image.recipe", "the recipe of the session image lacks %s/Dockerfile: %s", part, err)
		}
	}
	for name, mirror := range map[string]string{"debian": c.Image.Mirrors.Debian, "npm": c.Image.Mirrors.NPM} {
		if mirror != "" && !isWeb(mirror) {
			return bad("$.image.mirrors."+name, "mirror %q is not a URL that begins with http:// or https://", mirror)
		}
	}
	for i, prefix := range c.LocalMounts.AllowedPrefixes {
		path := fmt.Sprintf("$.local_mounts.allowed_prefixes[%d]", i)
		switch {
		case !filepath.IsAbs(prefix):
			return bad(path, "allowed prefix %q is not an absolute folder", prefix)
		case filepath.Dir(filepath.Clean(prefix)) == filepath.Clean(prefix):
			return bad(path, "allowed prefix %q would open the whole machine to sessions: name the folders that hold your projects", prefix)
		}
	}
	if t := c.Provisioning.Timeout; t < 10*time.Second || t > 24*time.Hour {
		return bad("$.provisioning.timeout", "provisioning timeout %s is out of range: give at least 10s and at most 24h", t)
	}
	if t := c.IdlePause; t != 0 && t < 10*time.Second {
		return bad("$.idle_pause", "idle_pause %s is too short: give at least 10s, or 0 so that no session is paused", t)
	}
	for name, p := range c.Providers {
		if bad := checkProvider(name, p); bad != nil {
			return bad
		}
	}
	if bad := checkModels(c.Models); bad != nil {
		return bad
	}
	if bad := c.Git.check(); bad != nil {
		return bad
	}
	if bad := c.Kubernetes.check(); bad != nil {
		return bad
	}
	if bad := c.OIDC.check(); bad != nil {
		return bad
	}
	if bad := c.Public.check(c.OIDC != nil); bad != nil {
		return bad
	}
	return c.Sandbox.check()
}

func checkProvider(name string, p Provider) *problem {
	path := "$.providers." + name
	if name != "anthropic" && name != "openai" {
		return &problem{path: path, msg: fmt.Sprintf("provider %q is not known: there are anthropic and openai", name)}
	}
	if p.URL == "" {
		return nil
	}
	u, err := url.Parse(p.URL)
	if err != nil || !isWeb(p.URL) || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return &problem{path: path + ".url", msg: fmt.Sprintf("gateway %q is not a plain URL of the form https://host/path", p.URL)}
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return &problem{path: path + ".url", msg: fmt.Sprintf("gateway %q would send keys unencrypted: use https, or http to this machine only", p.URL)}
	}
	return nil
}

func checkModels(models []Model) *problem {
	seen := map[string]bool{}
	for i, m := range models {
		bad := func(field, format string, args ...any) *problem {
			return &problem{path: fmt.Sprintf("$.models[%d]%s", i, field), msg: fmt.Sprintf(format, args...)}
		}
		switch {
		case m.ID == "" || len(m.ID) > 100:
			return bad("", "a model needs an id of at most 100 characters")
		case seen[m.ID]:
			return bad(".id", "model %q stands here twice", m.ID)
		case !slices.Contains([]string{"", "claude", "codex"}, m.Agent):
			return bad(".agent", "agent %q is not known: there are claude and codex", m.Agent)
		case !slices.Contains([]string{"", "cloud", "local"}, m.Provider):
			return bad(".provider", "provider %q of a model is cloud or local", m.Provider)
		case !slices.Contains([]string{"", "frontier", "balanced", "execution", "reasoning"}, m.Tier):
			return bad(".tier", "tier %q is not known: there are frontier, balanced, execution and reasoning", m.Tier)
		case m.CostPerMillionTokens != nil && *m.CostPerMillionTokens < 0:
			return bad(".cost_per_million_tokens", "a cost cannot be negative")
		}
		seen[m.ID] = true
	}
	return nil
}

// checkListen lets loopback addresses pass: nothing is encrypted there.
func checkListen(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Sprintf("listen address %q is not of the form 127.0.0.1:7420", listen)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Sprintf("port %q of the listen address is not a number from 0 to 65535", port)
	}
	if !loopback(host) {
		return fmt.Sprintf("listen address %q can be reached from other machines, and nothing is encrypted there: use 127.0.0.1:%s; to serve others too, set public.url and public.address, with TLS and a login", listen, port)
	}
	return ""
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func isWeb(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
