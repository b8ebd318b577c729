package forge

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"volundr/daemon/config"
	"volundr/daemon/vault"
	"volundr/store"
)

// Kinds of forges.
const (
	GitHub = "github"
	GitLab = "gitlab"
)

// Place is a repository as its forge knows it.
type Place struct {
	Kind string // GitHub, GitLab
	Host string // as in its address
	API  string // base URL, no slash at the end
	Path string // "owner/name"; of GitLab also "group/below/name"

	credential string // of the configuration
}

// Title is the forge's name for people.
func (p Place) Title() string {
	name := map[string]string{GitHub: "GitHub", GitLab: "GitLab"}[p.Kind]
	if p.Host != p.Kind+".com" {
		return name + " at " + p.Host
	}
	return name
}

// Options of Forges.
type Options struct {
	// Hosts are forges beside github.com and gitlab.com, by host.
	Hosts map[string]config.Forge
	// Vault holds the tokens.
	Vault *vault.Vault
	// Env reads the daemon's environment.
	Env func(string) string
	// Environment reports whether somebody may use the tokens of the daemon's
	// environment; nil: everybody may.
	Environment func(context.Context, store.Principal) (bool, error)
}

// Forges finds repositories' forges. It may be used from any goroutine.
type Forges struct {
	Options
	http *http.Client
}

// New gives the forges.
func New(o Options) *Forges {
	return &Forges{o, &http.Client{
		Timeout: 15 * time.Second,
		// A token is for the host that it was given for.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var (
	scp  = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):([^:].*)$`)
	path = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$`)
)

// Of finds the forge of a repository's address. Its error is ErrNoForge.
func (f *Forges) Of(repo string) (Place, error) {
	host, rest := "", ""
	if u, err := url.Parse(repo); err == nil && u.Host != "" && u.Scheme != "file" {
		host, rest = u.Host, u.Path
		if u.Scheme == "ssh" { // its port is git's, not that of an API
			host = u.Hostname()
		}
	} else if m := scp.FindStringSubmatch(repo); m != nil && !strings.Contains(repo, "://") {
		host, rest = m[1], m[2]
	}
	rest = strings.TrimSuffix(strings.Trim(rest, "/"), ".git")
	host = strings.ToLower(host)
	none := said(ErrNoForge, "%s lies at no forge that Volundr knows: pull requests are for repositories at GitHub and GitLab, by their https or ssh address. Set git.forges in config.yaml for one of your own.", or(repo, "This workspace"))
	at := Place{Host: host, Path: rest}
	switch own, ok := f.Hosts[host]; {
	case ok:
		at.Kind, at.API, at.credential = own.Type, strings.TrimRight(own.API, "/"), own.Credential
		if at.API == "" {
			at.API = "https://" + host + map[string]string{GitHub: "/api/v3", GitLab: "/api/v4"}[own.Type]
		}
	case host == "github.com":
		at.Kind, at.API = GitHub, "https://api.github.com"
	case host == "gitlab.com":
		at.Kind, at.API = GitLab, "https://gitlab.com/api/v4"
	default:
		return Place{}, none
	}
	if !path.MatchString(rest) || strings.Contains(rest, "..") || at.Kind == GitHub && strings.Count(rest, "/") != 1 {
		return Place{}, none
	}
	return at, nil
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
