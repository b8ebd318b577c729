// Package config reads what the user set: a YAML file, flags on top of it, and
// the folders in which everything lies.
package config

import (
	"time"

	"github.com/adrg/xdg"
)

// Config is everything that can be set. Load fills what is left out.
type Config struct {
	// Listen is the address of the daemon, loopback only. Port 0 takes any.
	Listen string `yaml:"listen"`
	// Runtime runs new sessions: "docker" or "kubernetes".
	Runtime string `yaml:"runtime"`
	// Engine is the Docker engine, as in unix:///var/run/docker.sock; empty:
	// it is looked for.
	Engine       string       `yaml:"engine"`
	Image        Image        `yaml:"image"`
	LocalMounts  LocalMounts  `yaml:"local_mounts"`
	Provisioning Provisioning `yaml:"provisioning"`
	// IdlePause is how long nothing happens in a session until it is paused; 0:
	// it never is.
	IdlePause time.Duration `yaml:"idle_pause"`
	// Providers of models by name ("anthropic", "openai").
	Providers map[string]Provider `yaml:"providers"`
	// EnvironmentKeys says for whom keys of models and tokens of forges in the
	// daemon's environment are: "admins" of this machine, their whole "tenant", or
	// "everybody".
	EnvironmentKeys string `yaml:"environment_keys"`
	// Models on offer; empty: the built-in ones.
	Models  []Model `yaml:"models"`
	Sandbox Sandbox `yaml:"sandbox"`
	Git     Git     `yaml:"git"`
	// Kubernetes is nil where none is set.
	Kubernetes *Kubernetes `yaml:"kubernetes"`
	// OIDC is nil where no identity provider logs people in.
	OIDC *OIDC `yaml:"oidc"`
	// Public is nil where only this machine reaches the daemon.
	Public *Public `yaml:"public"`

	Paths Paths `yaml:"-"`
}

// Image says how the session image is built.
type Image struct {
	// Base is a Debian image to build on; empty: Docker Hub's, or one made of
	// packages where no registry answers.
	Base string `yaml:"base"`
	// Recipe is a folder with base/ and session/ to build from, contexts like
	// those of assets/image; empty: the built-in ones.
	Recipe string `yaml:"recipe"`
	// CABundle is a PEM file of certificate authorities to trust while building.
	CABundle string  `yaml:"ca_bundle"`
	Mirrors  Mirrors `yaml:"mirrors"`
}

// Mirrors are where packages come from, instead of the public places.
type Mirrors struct {
	Debian string `yaml:"debian"` // URL of an archive
	NPM    string `yaml:"npm"`    // URL of a registry
}

// LocalMounts says which folders of this machine sessions may work in.
type LocalMounts struct {
	Enabled bool `yaml:"enabled"`
	// AllowedPrefixes are folders below which a folder may be mounted or copied;
	// the default is the home directory. Never "/".
	AllowedPrefixes []string `yaml:"allowed_prefixes"`
}

// Provisioning bounds the time between a session's start and its running.
type Provisioning struct {
	Timeout time.Duration `yaml:"timeout"`
}

// Provider is where the requests for a provider's models go.
type Provider struct {
	// URL of a compatible gateway; empty: the provider itself.
	URL string `yaml:"url"`
	// Local: its tokens are counted as local and cost nothing.
	Local bool `yaml:"local"`
}

// Model is one entry of the list to choose from.
type Model struct {
	ID                   string   `yaml:"id"`
	Name                 string   `yaml:"name"`
	Description          string   `yaml:"description"`
	Agent                string   `yaml:"agent"`    // "claude", "codex"
	Provider             string   `yaml:"provider"` // "cloud", "local"
	Tier                 string   `yaml:"tier"`     // "frontier", "balanced", "execution", "reasoning"
	Color                string   `yaml:"color"`
	CostPerMillionTokens *float64 `yaml:"cost_per_million_tokens"`
	VRAMRequired         string   `yaml:"vram_required"`
}

// Flags are settings from the command line. What is set stands above the file.
type Flags struct {
	DataDir  string // all state under one folder
	Listen   string
	Engine   string
	CABundle string
	Runtime  string
	// Context and Namespace of a cluster.
	Context   string
	Namespace string
}

func defaults() Config {
	return Config{
		Listen:          "127.0.0.1:7420",
		Runtime:         "docker",
		EnvironmentKeys: "admins",
		LocalMounts:     LocalMounts{Enabled: true, AllowedPrefixes: []string{xdg.Home}},
		Provisioning:    Provisioning{Timeout: 300 * time.Second},
		Providers:       map[string]Provider{},
		Sandbox:         sandboxDefaults(),
		Git:             Git{AutoBranch: true, BranchPrefix: "volundr/session", ProtectedBranches: []string{"main", "master"}},
	}
}
