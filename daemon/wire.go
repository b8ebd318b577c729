package daemon

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/adrg/xdg"

	"volundr/assets"
	"volundr/daemon/auth"
	"volundr/daemon/chronicle"
	"volundr/daemon/chronicle/blob"
	"volundr/daemon/config"
	"volundr/daemon/engine"
	"volundr/daemon/forge"
	"volundr/daemon/launch"
	"volundr/daemon/link"
	"volundr/daemon/source"
	"volundr/daemon/vault"
	"volundr/runtime"
	broker "volundr/runtime/broker/wire"
	"volundr/runtime/docker"
	"volundr/store"
)

// pieces are what a daemon is made of, beside its store and its logins.
type pieces struct {
	runtimes map[string]runtime.Runtime
	standard string // the runtime of new sessions
	engine   *engine.Engine
	links    *link.Links
	launch   *launch.Launcher
	sources  *source.Sources
	vault    *vault.Vault
	forges   *forge.Forges

	chronicles *chronicle.Chronicles

	close func()
}

func wire(ctx context.Context, d *Daemon) (*pieces, error) {
	key, err := linkKey(filepath.Join(d.cfg.Paths.Keys, "link.pem"))
	if err != nil {
		return nil, err
	}
	runtimes, closeRuntimes, err := runtimes(ctx, d, key)
	if err != nil {
		return nil, err
	}
	p := &pieces{runtimes: runtimes, standard: d.cfg.Runtime, close: closeRuntimes}
	p.vault = vault.New(vault.Options{DB: d.db, Dir: d.cfg.Paths.Keys, Installation: d.installation,
		Gateways: gateways(d.cfg), Environment: d.environment, Heard: func(session, trouble string) { p.links.Model(session, trouble) }, Log: d.log})
	p.forges = forge.New(forge.Options{Hosts: d.cfg.Git.Forges, Vault: p.vault, Env: os.Getenv, Environment: d.environment})
	p.sources, err = source.New(source.Options{Dir: d.cfg.Paths.Mirrors, DB: d.db, Session: link.SessionFrom,
		Folders: folders(d.cfg), Protected: d.cfg.Git.ProtectedBranches, BranchPrefix: branchPrefix(d.cfg), Login: p.forges.Login, Owns: d.auth.OwnsMachine, Log: d.log})
	if err != nil {
		return nil, err
	}
	folder, err := blob.NewFolder(d.cfg.Paths.Archives)
	if err != nil {
		return nil, fmt.Errorf("the folder of archives cannot be used: %w", err)
	}
	p.close = func() { closeRuntimes(); folder.Close() }
	outside := http.NewServeMux()
	outside.Handle(broker.OutsideModels, p.vault.Models())
	outside.Handle(broker.OutsideGit, p.sources.Git())
	outside.HandleFunc(broker.OutsideFiles, p.sources.ServeFiles)
	outside.HandleFunc(broker.OutsideSecrets, func(w http.ResponseWriter, r *http.Request) { p.launch.ServeSecrets(w, r) })
	outside.HandleFunc(broker.OutsideMCP, func(w http.ResponseWriter, r *http.Request) { p.launch.ServeMCP(w, r) })
	outside.HandleFunc(broker.OutsideBlobs, func(w http.ResponseWriter, r *http.Request) { p.chronicles.Packs().ServeHTTP(w, r) })
	p.links = link.New(link.Options{DB: d.db, Runtime: func(name string) runtime.Runtime { return p.runtimes[name] },
		Outside: outside, Changed: func() { p.engine.Poke() }, Local: local(d.cfg), Log: d.log,
		Tell: func(ctx context.Context, b link.Batch) ([]store.TimelineEvent, error) {
			return p.chronicles.Tell(ctx, b)
		},
		Preface: preface, Redact: p.vault.Redact,
		Awake:  func(ctx context.Context, id string) error { return p.engine.Touch(ctx, id) },
		Paused: func(id string) bool { return p.engine.Paused(id) },
		Met:    func(ctx context.Context, s store.Session) error { return p.chronicles.Met(ctx, s) }})
	p.launch = launch.New(launch.Options{PublicKey: key.Public().(ed25519.PublicKey), Source: p.sources, Vault: p.vault,
		Session: link.SessionFrom, DB: d.db, Log: d.log})
	p.chronicles = chronicle.New(chronicle.Options{DB: d.db, Redact: p.vault.Redact, Ask: p.links.Ask, Cancel: p.links.Break,
		End: p.links.End, Health: p.links.Health, Run: p.links.RunCommand, CanAsk: canAsk(p.vault), Log: d.log, Repositories: repositories(p.sources), Volumes: chronicle.Volumes{
			Blobs: blob.New(blob.Options{DB: d.db, Place: folder, Seal: p.vault.Seal, Open: p.vault.Open}),
			Pack:  p.links.Pack, Unpack: p.links.Unpack, Visit: p.links.Visit, Helper: p.launch.Helper,
			Aside: func(ctx context.Context, id string, do func(context.Context, store.Session) error) error {
				return p.engine.Aside(ctx, id, do)
			},
			Runtime: func(name string) runtime.Runtime {
				if rt, ok := p.runtimes[name]; ok {
					return rt
				}
				return nil
			},
		}})
	d.db.Tell(p.chronicles.Own)
	d.db.Measure(launch.Need)
	d.db.Reseal(p.vault.Reseal)
	p.engine = engine.New(engine.Options{
		DB: d.db, Runtimes: p.runtimes, Spec: p.launch.Spec,
		Opened: p.chronicles.Opened, Completed: p.chronicles.Completed,
		Keep: p.links.Keep, Health: p.links.Health, End: p.chronicles.End,
		Archive: p.chronicles.Archive, Restore: p.chronicles.Restore,
		Timeout: d.cfg.Provisioning.Timeout, Idle: d.cfg.IdlePause, Active: p.links.Active, Redact: p.vault.Redact, Log: d.log,
	})
	return p, nil
}

// repositories are those of a session as its chronicle keeps them.
func repositories(sources *source.Sources) func(context.Context, string) ([]store.Repository, error) {
	return func(ctx context.Context, session string) (out []store.Repository, err error) {
		all, err := sources.Checkouts(ctx, session)
		for _, c := range all {
			out = append(out, store.Repository{Folder: c.Folder, Repo: c.Repo, Branch: c.Branch})
		}
		return out, err
	}
}

// environment reports whether somebody may use the keys that stand in the
// daemon's environment.
func (d *Daemon) environment(ctx context.Context, p store.Principal) (bool, error) {
	switch d.cfg.EnvironmentKeys {
	case "everybody":
		return true, nil
	case "tenant":
		return p.TenantID == auth.Local.TenantID, nil
	}
	return d.auth.OwnsMachine(ctx, p)
}

// dial reaches a port of a session on whatever runtime it lives.
func (d *Daemon) dial(ctx context.Context, id string, port int) (net.Conn, error) {
	row, err := d.db.SystemSession(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("session %s: %w: %w", id, runtime.ErrNotFound, err)
	}
	rt, ok := d.pieces.runtimes[row.Runtime]
	if !ok || row.State != store.Running && row.State != store.Provisioning {
		return nil, fmt.Errorf("session %s is %s: %w", row.Name, row.State, runtime.ErrNotFound)
	}
	return rt.Dial(ctx, id, port)
}

func imageOptions(cfg config.Config) docker.ImageOptions {
	recipe := assets.Image()
	if cfg.Image.Recipe != "" {
		recipe = os.DirFS(cfg.Image.Recipe)
	}
	return docker.ImageOptions{Recipe: recipe, Programs: assets.Programs(), CABundle: cfg.Image.CABundle,
		Base: cfg.Image.Base, DebianMirror: cfg.Image.Mirrors.Debian, NPMRegistry: cfg.Image.Mirrors.NPM}
}

func folders(cfg config.Config) source.Folders {
	return source.Folders{Enabled: cfg.LocalMounts.Enabled, Prefixes: cfg.LocalMounts.AllowedPrefixes,
		Home: xdg.Home, Private: []string{cfg.Paths.Data}}
}

func branchPrefix(cfg config.Config) string {
	if !cfg.Git.AutoBranch {
		return ""
	}
	return cfg.Git.BranchPrefix
}

func gateways(cfg config.Config) map[string]string {
	out := map[string]string{}
	for name, p := range cfg.Providers {
		if p.URL != "" {
			out[name] = p.URL
		}
	}
	return out
}

// local reports whether a session's models are served by the user's own
// machines: their tokens cost nothing.
func local(cfg config.Config) func(store.Session) bool {
	return func(s store.Session) bool { return cfg.Providers[provider(s)].Local }
}

// provider is whose models a session's agent asks; empty: not known.
func provider(s store.Session) string {
	var req launch.Request
	if json.Unmarshal(s.Request, &req) != nil {
		return ""
	}
	return map[string]string{"claude": "anthropic", "codex": "openai"}[req.Agent]
}

// canAsk says why a session's agent would not get an answer from its model.
func canAsk(v *vault.Vault) func(context.Context, store.Session) string {
	return func(ctx context.Context, s store.Session) string {
		name := provider(s)
		if name == "" {
			return ""
		}
		return v.KeyStatus(ctx, s.Owner(), name).Problem
	}
}

// preface is what the agent of a reforged session is told before its first
// message, when it has no memory of the work before.
func preface(s store.Session) string {
	var req launch.Request
	if json.Unmarshal(s.Request, &req) != nil || req.From == nil {
		return ""
	}
	return req.From.Briefing
}
