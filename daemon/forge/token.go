package forge

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"volundr/daemon/vault"
	"volundr/store"
)

// token is shown to a forge. It does not print itself.
type token string

func (token) String() string   { return "[secret]" }
func (token) GoString() string { return "[secret]" }

// token gives p's token for a forge: the credential that the configuration
// names, else that of the forge's type, else one of git's for the host, else
// the daemon's environment.
func (f *Forges) token(ctx context.Context, p store.Principal, at Place) (token, error) {
	for _, name := range []string{at.credential, at.Kind} {
		if name == "" || name == at.Kind && at.credential != "" || name == at.Kind && at.Host != at.Kind+".com" {
			continue // a token for github.com is not for another host
		}
		c, values, err := f.Vault.Get(ctx, p, name)
		if errors.Is(err, store.ErrNotFound) && at.credential == "" {
			continue
		}
		if errors.Is(err, store.ErrNotFound) {
			return "", said(ErrNoToken, "There is no credential %q, which git.forges names for %s. Store it with `volundr credentials set %s`.", name, at.Host, name)
		}
		if err != nil {
			return "", err
		}
		if text := tokenOf(at, c, values); text != "" {
			return token(text), nil
		}
		return "", said(ErrNoToken, "The credential %s holds no token for %s. Set it again as an API key with `volundr credentials set %s`.", name, at.Host, name)
	}
	all, err := f.Vault.List(ctx, p, vault.GitCredential)
	if err != nil {
		return "", err
	}
	for _, c := range all {
		_, values, err := f.Vault.Get(ctx, p, c.Name)
		if err != nil {
			return "", err
		}
		if text := tokenOf(at, c, values); text != "" {
			return token(text), nil
		}
	}
	if at.Host == at.Kind+".com" && f.Env != nil {
		if text := strings.TrimSpace(f.Env(variable(at.Kind))); text != "" {
			serves := true
			if f.Environment != nil {
				if serves, err = f.Environment(ctx, p); err != nil {
					return "", err
				}
			}
			if serves {
				return token(text), nil
			}
			return "", said(ErrNoToken, "The daemon's own %s is not for you. Store a token of yours with `volundr credentials set %s`, or ask an admin to share one (`volundr credentials share %s`, or environment_keys in the configuration).", variable(at.Kind), at.Kind, at.Kind)
		}
	}
	next := "Store one with `volundr credentials set " + at.Kind + "`, or start the daemon with " + variable(at.Kind) + " set."
	if at.Host != at.Kind+".com" {
		next = "Store one of type git_credential for this host, or name a credential in git.forges of config.yaml."
	}
	return "", said(ErrNoToken, "There is no token for %s. %s", at.Title(), next)
}

// variable of the daemon's environment that holds a token.
func variable(kind string) string {
	if kind == GitLab {
		return "GITLAB_TOKEN"
	}
	return "GITHUB_TOKEN"
}

// tokenOf is the token in a credential; empty: it holds none for this forge.
func tokenOf(at Place, c vault.Credential, v vault.Values) string {
	switch c.Type {
	case vault.APIKey:
		return v["api_key"]
	case vault.OAuthToken:
		return v["access_token"]
	case vault.GitCredential:
		u, err := url.Parse(v["url"])
		if err != nil || u.User == nil || !strings.EqualFold(u.Host, at.Host) {
			return ""
		}
		if text, ok := u.User.Password(); ok && text != "" {
			return text
		}
		return u.User.Username() // https://TOKEN@github.com
	case vault.Generic:
		for _, key := range []string{"token", "api_key", "access_token"} {
			if v[key] != "" {
				return v[key]
			}
		}
		if len(c.Keys) == 1 {
			return v[c.Keys[0]]
		}
	}
	return ""
}

// Known gives the forges for which p has a token, without repositories.
func (f *Forges) Known(ctx context.Context, p store.Principal) (all []Place) {
	hosts := append([]string{"github.com", "gitlab.com"}, slices.Sorted(maps.Keys(f.Hosts))...)
	for _, host := range hosts {
		at, err := f.Of("https://" + host + "/a/b")
		if err != nil {
			continue
		}
		if _, err := f.token(ctx, p, at); err == nil {
			all = append(all, at)
		}
	}
	return all
}
