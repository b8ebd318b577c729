package source

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// Remote is a git repository as a user names it.
type Remote struct {
	Repo  string // as given; `origin` of the session's clone
	URL   string // for the host's git
	Local string // the folder, when it is one

	user, password string // to log in with; empty: the user's own git knows
	guest          string // whose it is, when not of who owns this machine
}

const keySize = 32

// Key names the remote in paths. It tells nothing and needs no escaping.
func (r Remote) Key() string {
	sum := sha256.Sum256([]byte(r.URL))
	return hex.EncodeToString(sum[:])[:keySize]
}

// place names its mirror.
func (r Remote) place() string { return r.Key() + r.guest }

// protocols that git may use for this remote. Plain http is for servers on this
// machine only: what it carries is not encrypted.
func (r Remote) protocols() string {
	if strings.HasPrefix(r.URL, "http:") {
		return "https:ssh:file:http"
	}
	return "https:ssh:file"
}

// CheckError says which field of a source is wrong, in a sentence.
type CheckError struct {
	Field string // "repo", "branch", "base_branch", "local_path"
	Msg   string
}

func (e *CheckError) Error() string { return e.Msg }

var (
	scpLike = regexp.MustCompile(`^([A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^:]`)
	control = regexp.MustCompile(`[\x00-\x20\x7f]`)
)

// Parse takes https, ssh and file URLs, http URLs of this machine, user@host:path
// and absolute folders. Everything else is a *CheckError.
func Parse(repo string) (Remote, error) {
	bad := func(msg string) (Remote, error) { return Remote{}, &CheckError{"repo", msg} }
	if filepath.IsAbs(repo) && !strings.ContainsAny(repo, "\x00\n\r") {
		dir := filepath.Clean(repo)
		return Remote{Repo: repo, URL: fileURL(dir), Local: dir}, nil
	}
	switch {
	case repo == "":
		return bad("Name a repository.")
	case len(repo) > 500:
		return bad("The repository's address is longer than 500 characters.")
	case control.MatchString(repo) || strings.HasPrefix(repo, "-") || strings.Contains(repo, "::"):
		return bad("This is no address of a repository: use https://…, ssh://…, user@host:path or an absolute folder.")
	}
	u, err := url.Parse(repo)
	if err != nil || u.Scheme == "" || !strings.Contains(repo, "://") {
		if scpLike.MatchString(repo) {
			return Remote{Repo: repo, URL: repo}, nil
		}
		return bad("This is no address of a repository: use https://…, ssh://…, user@host:path or an absolute folder.")
	}
	if _, secret := u.User.Password(); secret {
		return bad("The address holds a password, which every part of the session could read: take it out and log in with git on this machine.")
	}
	switch u.Scheme {
	case "https", "ssh":
		if u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") {
			return bad("The repository's address names no host.")
		}
		return Remote{Repo: repo, URL: repo}, nil
	case "http":
		if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() == "localhost" || err == nil && ip.IsLoopback() {
			return Remote{Repo: repo, URL: repo}, nil
		}
		return bad("Plain http is taken for repositories on this machine only: use https.")
	case "file":
		dir := filepath.Clean(filepath.FromSlash(u.Path))
		if u.Host != "" || !filepath.IsAbs(dir) {
			return bad("A file:// address needs an absolute folder of this machine.")
		}
		return Remote{Repo: repo, URL: fileURL(dir), Local: dir}, nil
	}
	return bad("Repositories are reached by https, ssh or a folder of this machine, not by " + u.Scheme + ".")
}

func fileURL(dir string) string {
	p := filepath.ToSlash(dir)
	if !strings.HasPrefix(p, "/") { // C:/…
		p = "/" + p
	}
	return (&url.URL{Scheme: "file", Path: p}).String()
}

// ValidBranch reports whether git would take the name for a branch.
func ValidBranch(name string) bool {
	if name == "" || name == "@" || name == "HEAD" || len(name) > 255 || strings.HasPrefix(name, "-") || strings.HasSuffix(name, ".") ||
		control.MatchString(name) || strings.ContainsAny(name, `~^:?*[\`) || strings.Contains(name, "..") || strings.Contains(name, "@{") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}
