package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"

	"volundr/store"
)

// as is a remote as p uses it. Who does not own this machine has a mirror of
// their own and none of what its git knows: neither folders nor keys, and of
// logins only their own credentials. The error is a *CheckError.
func (s *Sources) as(ctx context.Context, p store.Principal, r Remote) (Remote, error) {
	if s.Owns == nil {
		return r, nil
	}
	owns, err := s.Owns(ctx, p)
	switch {
	case err != nil || owns:
		return r, err
	case r.Local != "":
		return r, &CheckError{"repo", "Folders of the daemon's machine are for its admins. Name a repository by its https address instead."}
	case !strings.HasPrefix(r.URL, "https:"):
		return r, &CheckError{"repo", "The keys of the daemon's machine are for its admins. Name the repository by its https address, and store a login with `volundr credentials set`."}
	}
	sum := sha256.Sum256([]byte(p.TenantID + "\x00" + p.UserID))
	r.guest = "-" + hex.EncodeToString(sum[:16])
	return r, nil
}

// guestEnv keeps git from the logins that this machine's own has: helpers,
// headers and cookies of its configuration, .netrc, keys.
func (s *Sources) guestEnv(r Remote) []string {
	if r.guest == "" {
		return nil
	}
	return []string{"HOME=" + s.hooks, "XDG_CONFIG_HOME=" + s.hooks, "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_SSH_COMMAND=false",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=credential.helper", "GIT_CONFIG_VALUE_0="}
}
