package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// wishes are what flags say of a new session.
type wishes struct {
	in                                      client.SessionCreate
	branch, base, copyOf, live              string
	writableGit                             bool
	repos, paths, env, files, mcp, services []string
	cpu, memory, gpu                        string
}

func (w *wishes) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&w.repos, "repo", nil, "git repository to clone: URL, path, URL#branch, or JSON of repo, branch, base_branch and folder (again for more, each into a folder)")
	f.StringVar(&w.branch, "branch", "", "branch to work on, of the first repository")
	f.StringVar(&w.base, "base", "", "branch to create it from, when it is missing")
	f.StringVar(&w.copyOf, "copy", "", "folder to copy, with its uncommitted work")
	f.StringVar(&w.live, "mount", "", "folder to work in, live")
	f.BoolVar(&w.writableGit, "writable-git", false, "with --mount: let it write .git/hooks and .git/config, which your own git runs later")
	f.StringArrayVar(&w.paths, "path", nil, "further live folder, FROM:TO or FROM:TO:rw (again for more)")
	f.StringVar(&w.in.Agent, "agent", "", "claude, codex, or acp with --command")
	f.StringSliceVar(&w.in.Command, "command", nil, "command of an ACP agent in the image")
	f.StringVar(&w.in.Model, "model", "", "model (default: the agent's)")
	f.StringVar(&w.in.Mode, "mode", "", "the agent's permission mode")
	f.StringVar(&w.in.InitialPrompt, "prompt", "", "first message to the agent")
	f.StringVar(&w.in.SystemPrompt, "system-prompt", "", "added to the agent's own system prompt")
	f.StringArrayVar(&w.env, "env", nil, "NAME=value for the session (again for more)")
	f.StringVar(&w.in.TemplateName, "template", "", "template to begin from (volundr templates list)")
	f.StringVar(&w.in.ProfileName, "profile", "", "profile, in place of the template's (volundr templates list --profiles)")
	f.StringVar(&w.in.PresetID, "preset", "", "preset of yours to lay over the template (volundr presets list)")
	f.StringVar(&w.in.Image, "image", "", "image of the session's containers, made from the session image")
	f.StringArrayVar(&w.services, "service", nil, "container beside the session, NAME='IMAGE PORT VARIABLE=value', as in db='postgres:17 5432 POSTGRES_PASSWORD=x', or the JSON of one (again for more)")
	f.StringArrayVar(&w.in.SetupScripts, "setup", nil, "script that runs in the session before its agent (again for more)")
	f.StringArrayVar(&w.files, "file", nil, "file of this machine for the workspace, FROM or FROM:TO (again for more)")
	f.StringVar(&w.cpu, "cpu", "", "CPU cores, as in 2 or 500m")
	f.StringVar(&w.memory, "memory", "", "memory, as in 4Gi")
	f.StringVar(&w.gpu, "gpu", "", "GPUs, as in 1")
	f.StringVar(&w.in.Runtime, "on", "", "where it runs: docker or kubernetes (default: as configured)")
	f.StringVar(&w.in.Network, "network", "", "open (default) or none")
	f.StringSliceVar(&w.in.CredentialNames, "credential", nil, "credential for the session, by name (again for more)")
	f.StringSliceVar(&w.in.EnvSecretRefs, "secret", nil, "generic credential whose keys are variables of the session, by name (again for more)")
	f.StringSliceVar(&w.in.IntegrationIDs, "integration", nil, "integration whose tools the agent gets, by service or id (again for more)")
	f.StringArrayVar(&w.mcp, "mcp", nil, "MCP server for the agent, as in NAME='npx -y module' or NAME=https://host/path, or the JSON of one (again for more)")
	f.StringSliceVar(&w.in.ProtectedBranches, "protect", nil, "further branch that is not pushed to, as in release/* (again for more)")
	f.BoolVar(&w.in.TerminalRestricted, "restrict-terminal", false, "restrict the terminal")
	f.StringVar(&w.in.IssueID, "issue", "", "issue that the session is about")
	f.StringVar(&w.in.IssueURL, "issue-url", "", "its address")
	f.StringVar(&w.in.TimeToLive, "ttl", "", "time to live, as in 8h or 2d, counted from when it runs; then it is stopped (default: none)")
	f.StringVar(&w.in.TrustRepository, "trust-repository", "", "hash of the session definition in the repository's .volundr, as it was shown: use it, now and later")
	f.BoolVar(&w.in.WithoutDefinition, "without-definition", false, "go without the session definition in the repository's .volundr")
	c.MarkFlagsMutuallyExclusive("repo", "copy", "mount")
	c.MarkFlagsMutuallyExclusive("trust-repository", "without-definition")
}

// request is what was typed, and nothing else.
func (w *wishes) request() (in client.SessionCreate, err error) {
	in = w.in
	if in.Source, err = w.source(); err != nil {
		return in, err
	}
	if in.Env, err = pairs("env", w.env); err != nil {
		return in, err
	}
	in.Files = filesOf(w.files)
	if in.MCPServers, err = mcpServers(w.mcp); err != nil {
		return in, err
	}
	for _, text := range w.services {
		s, err := client.ParseSidecar(text)
		if err != nil {
			return in, fmt.Errorf("--service: %w", err)
		}
		in.Services = append(in.Services, s)
	}
	for name, value := range map[string]string{"cpu": w.cpu, "memory": w.memory, "gpu": w.gpu} {
		if value == "" {
			continue
		}
		if in.ResourceConfig == nil {
			in.ResourceConfig = map[string]any{}
		}
		in.ResourceConfig[name] = value
	}
	return in, nil
}

// source is nil when nothing was said of it.
func (w *wishes) source() (*client.Source, error) {
	switch {
	case w.copyOf != "":
		dir, err := filepath.Abs(w.copyOf)
		return &client.Source{Type: client.SourceCopy, LocalPath: dir}, err
	case w.live != "" || len(w.paths) > 0:
		s := &client.Source{Type: client.SourceMount, WritableGit: w.writableGit}
		if w.live != "" {
			dir, err := filepath.Abs(w.live)
			if err != nil {
				return nil, err
			}
			s.LocalPath = dir
		}
		for _, p := range w.paths {
			m, err := mapping(p)
			if err != nil {
				return nil, err
			}
			s.Paths = append(s.Paths, m)
		}
		return s, nil
	case w.writableGit:
		return nil, errors.New("--writable-git is about the folder of --mount: name that too")
	case len(w.repos) == 0 && w.branch+w.base == "":
		return nil, nil
	}
	s := &client.Source{Type: client.SourceGit, Branch: w.branch, BaseBranch: w.base}
	for i, named := range w.repos {
		r, err := checkout(named)
		switch {
		case err != nil:
			return nil, err
		case i > 0:
			s.AdditionalRepos = append(s.AdditionalRepos, r)
		case r.Branch != "" && w.branch != "", r.BaseBranch != "" && w.base != "":
			return nil, fmt.Errorf("the branch of %s is named twice: leave --branch and --base out, or do not name it with --repo", r.Repo)
		default:
			s.Repo, s.Branch, s.BaseBranch, s.Folder = r.Repo, r.Branch+w.branch, r.BaseBranch+w.base, r.Folder
		}
	}
	return s, nil
}

// checkout reads REPOSITORY, REPOSITORY#BRANCH, or the JSON of one.
func checkout(named string) (r client.AdditionalRepo, err error) {
	at := strings.LastIndexByte(named, '#')
	if _, missing := os.Stat(named); missing == nil {
		at = -1 // of the name of a folder
	}
	switch {
	case strings.HasPrefix(named, "{"):
		if r, err = client.ParseRepository(named); err != nil {
			return r, fmt.Errorf("--repo: %w", err)
		}
	case at > 0:
		r.Repo, r.Branch = named[:at], named[at+1:]
	default:
		r.Repo = named
	}
	r.Repo, err = repository(r.Repo)
	return r, err
}

// repository is one as the daemon knows it: a folder by its whole path.
func repository(named string) (string, error) {
	if st, err := os.Stat(named); named != "" && err == nil && st.IsDir() {
		return filepath.Abs(named)
	}
	return named, nil
}

// mapping reads FROM:TO or FROM:TO:rw.
func mapping(path string) (client.MountMapping, error) {
	rest, rw := strings.CutSuffix(path, ":rw")
	from, to, ok := strings.Cut(rest, ":")
	if !ok || from == "" || to == "" {
		return client.MountMapping{}, fmt.Errorf("--path %q is not FROM:TO or FROM:TO:rw", path)
	}
	from, err := filepath.Abs(from)
	return client.MountMapping{HostPath: from, MountPath: to, ReadOnly: !rw}, err
}
