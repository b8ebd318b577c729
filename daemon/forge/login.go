package forge

import (
	"context"
	"net/url"
	"strings"

	"volundr/daemon/vault"
	"volundr/store"
)

// Login gives the user name and password with which git uses a repository by
// http in p's name: a git credential for its host, else the credential of its
// forge. Both are empty where the vault holds none: then the user's own git
// knows how. The daemon's environment is not looked at, for git has its helpers.
func (f *Forges) Login(ctx context.Context, p store.Principal, repo string) (user, password string, err error) {
	u, err := url.Parse(repo)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", nil
	}
	all, err := f.Vault.List(ctx, p, vault.GitCredential)
	if err != nil {
		return "", "", err
	}
	for _, c := range all {
		_, values, err := f.Vault.Get(ctx, p, c.Name)
		if err != nil {
			return "", "", err
		}
		at, err := url.Parse(values["url"])
		if err != nil || at.User == nil || !strings.EqualFold(at.Host, u.Host) {
			continue
		}
		if password, ok := at.User.Password(); ok && password != "" {
			return at.User.Username(), password, nil
		}
		return at.User.Username(), "x-oauth-basic", nil // https://TOKEN@host
	}
	at, err := f.Of(repo)
	if err != nil {
		return "", "", nil // no forge, no token
	}
	own := *f
	own.Env = nil
	text, err := own.token(ctx, p, at)
	if err != nil || text == "" {
		return "", "", nil
	}
	return map[string]string{GitHub: "x-access-token", GitLab: "oauth2"}[at.Kind], string(text), nil
}
