package source

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Folders says which folders of this machine sessions may work in.
type Folders struct {
	Enabled  bool
	Prefixes []string // a folder must lie below one of them
	Home     string   // of the user: neither itself nor its hidden folders
	Private  []string // ours: no session sees them
}

// Resolve follows the links of a folder's path and returns the real one, if it
// may be used. The error is a *CheckError.
func (f Folders) Resolve(path string) (string, error) {
	bad := func(format string, args ...any) (string, error) {
		return "", &CheckError{"local_path", fmt.Sprintf(format, args...)}
	}
	switch {
	case !f.Enabled:
		return bad("Local folders are switched off: set local_mounts.enabled in config.yaml.")
	case !filepath.IsAbs(path) || strings.ContainsRune(path, 0):
		return bad("The folder %q is not an absolute path.", path)
	}
	dir, err := filepath.EvalSymlinks(path)
	if err != nil {
		return bad("The folder %s cannot be opened: %s.", path, cause(err))
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return bad("The folder %s cannot be opened: %s.", path, cause(err))
	case !info.IsDir():
		return bad("%s is not a folder.", path)
	case filepath.Dir(dir) == dir:
		return bad("The whole machine is never given to a session: name a project's folder.")
	case real(f.Home) == dir:
		return bad("Your home directory holds keys and settings of everything: name a project's folder in it.")
	}
	for _, p := range f.Private {
		if p := real(p); p != "" && (below(p, dir) || below(dir, p)) {
			return bad("%s holds Volundr's own data: name another folder.", path)
		}
	}
	for _, p := range f.Prefixes {
		prefix := real(p)
		if prefix == "" || filepath.Dir(prefix) == prefix || !below(prefix, dir) {
			continue
		}
		// An explicit prefix may name a hidden folder, home as a prefix does not
		// mean them.
		if rel, err := filepath.Rel(prefix, dir); prefix == real(f.Home) && (err != nil || strings.HasPrefix(rel, ".")) {
			continue
		}
		return dir, nil
	}
	return bad("%s is not below an allowed folder (%s; hidden folders of your home are never meant): add one to local_mounts.allowed_prefixes in config.yaml.",
		path, strings.Join(f.Prefixes, ", "))
}

// real follows links; empty when the path does not exist.
func real(path string) string {
	if path == "" {
		return ""
	}
	r, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return r
}

// below reports whether dir is prefix or lies in it. Both are clean.
func below(prefix, dir string) bool {
	rel, err := filepath.Rel(prefix, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// cause is what is wrong, without the path that the sentence names already.
func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
