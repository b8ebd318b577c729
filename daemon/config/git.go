package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Git is how sessions work with the repositories that they come from.
type Git struct {
	// AutoBranch: a session of a repository for which no branch is named gets
	// one of its own, BranchPrefix/NAME, from the default branch.
	AutoBranch   bool   `yaml:"auto_branch"`
	BranchPrefix string `yaml:"branch_prefix"`
	// ProtectedBranches are never pushed to from a session; * stands for any
	// text, as in release/*.
	ProtectedBranches []string `yaml:"protected_branches"`
	// Forges are hosts of repositories beside github.com and gitlab.com, by the
	// name that stands in a repository's address.
	Forges map[string]Forge `yaml:"forges"`
}

// Forge is a host of repositories that takes pull requests.
type Forge struct {
	Type string `yaml:"type"` // "github", "gitlab"
	// API is the base URL of its API; empty: the usual one of its type.
	API string `yaml:"api"`
	// Credential names the one of the vault that is used there; empty: that of
	// the forge's type.
	Credential string `yaml:"credential"`
}

var (
	branchPrefix  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$`)
	branchPattern = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9._/*-]{0,254}$`)
)

func (g Git) check() *problem {
	bad := func(path, format string, args ...any) *problem {
		return &problem{path: "$.git." + path, msg: fmt.Sprintf(format, args...)}
	}
	if p := g.BranchPrefix; !branchPrefix.MatchString(p) || len(p) > 100 || strings.Contains(p, "..") || strings.HasSuffix(p, ".lock") {
		return bad("branch_prefix", "branch prefix %q is not the beginning of a branch's name, such as volundr/session", p)
	}
	for i, p := range g.ProtectedBranches {
		if !branchPattern.MatchString(p) {
			return bad(fmt.Sprintf("protected_branches[%d]", i), "protected branch %q is not a branch's name; * stands for any text, as in release/*", p)
		}
	}
	for host, f := range g.Forges {
		u, err := url.Parse(f.API)
		switch {
		case f.Type != "github" && f.Type != "gitlab":
			return bad("forges", "forge %s: its type is github or gitlab", host)
		case f.API == "":
		case err != nil || !isWeb(f.API) || u.User != nil || u.RawQuery != "" || u.Fragment != "":
			return bad("forges", "forge %s: API %q is not a plain URL of the form https://host/path", host, f.API)
		case u.Scheme == "http" && !loopback(u.Hostname()):
			return bad("forges", "forge %s: API %q would send tokens unencrypted: use https, or http to this machine only", host, f.API)
		}
	}
	return nil
}
