package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"volundr/daemon/config"
	"volundr/ui/client"
)

// here is the context of this machine's daemon, which needs no entry.
const here = "local"

// server is a daemon that commands can speak to: one context.
type server struct {
	Name  string `json:"name"`
	URL   string `json:"server"`
	Token string `json:"token"`
}

// servers are the contexts, as they are kept beside the configuration.
type servers struct {
	Current  string   `json:"current,omitempty"` // empty: here
	Contexts []server `json:"contexts"`
}

func (s servers) find(name string) (server, bool) {
	i := slices.IndexFunc(s.Contexts, func(c server) bool { return c.Name == name })
	if i < 0 {
		return server{}, false
	}
	return s.Contexts[i], true
}

func serversFile(cfg config.Config) string {
	return filepath.Join(filepath.Dir(cfg.Paths.Config), "contexts.json")
}

func readServers(cfg config.Config) (s servers, err error) {
	raw, err := os.ReadFile(serversFile(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		return s, fmt.Errorf("the contexts in %s cannot be read (%w): mend the file or move it away", serversFile(cfg), err)
	}
	return s, nil
}

// write keeps the contexts, tokens among them, for this user only.
func (s servers) write(cfg config.Config) error {
	path := serversFile(cfg)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".contexts-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	enc := json.NewEncoder(tmp)
	enc.SetIndent("", "  ")
	if err := errors.Join(enc.Encode(s), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// checkServer gives the address without what follows its host. A token goes
// unencrypted to this machine only.
func checkServer(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("server %q is not an address of the form https://host:port", address)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return "", fmt.Errorf("server %q would get your token unencrypted: use https, or a tunnel to this machine (`volundr context add --help`)", address)
	}
	return u.Scheme + "://" + u.Host, nil
}

// target is the server that commands speak to: --server, else the context in
// use. ok is false for this machine's own daemon.
func (a *app) target(cfg config.Config) (s server, ok bool, err error) {
	all, err := readServers(cfg)
	if err != nil {
		return s, false, err
	}
	switch {
	case a.server != "":
		if s.URL, err = checkServer(a.server); err != nil {
			return s, false, fmt.Errorf("--server: %w", err)
		}
		for _, known := range all.Contexts {
			if known.URL == s.URL {
				s = known
			}
		}
		if env := os.Getenv("VOLUNDR_TOKEN"); env != "" {
			s.Token = env
		}
	case a.token != "" && all.Current == "":
		return s, false, errors.New("--token needs --server: the daemon of this machine has its own")
	case all.Current == "":
		return s, false, nil
	default:
		if s, ok = all.find(all.Current); !ok {
			return s, false, fmt.Errorf("the context in use, %q, is not there any more: choose another with `volundr context use`", all.Current)
		}
	}
	if a.token != "" {
		s.Token = a.token
	}
	if s.Token == "" {
		return s, false, fmt.Errorf("server %s asks for a token: give --token, set VOLUNDR_TOKEN, or `volundr context add` it", s.URL)
	}
	return s, true, nil
}

// status asks a server whether it lives and knows the token.
func (s server) status(ctx context.Context) (client.Status, *client.Client, error) {
	cl := client.New(s.URL, s.Token)
	cl.Agent = client.CommandLine
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	st, err := cl.Status(ctx)
	var said *client.Error
	switch {
	case client.Unauthorized(err):
		return st, nil, fmt.Errorf("server %s does not know the token: `volundr context add` stores another one", s.URL)
	case errors.As(err, &said):
		return st, nil, fmt.Errorf("server %s: %w", s.URL, err)
	case err != nil:
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		return st, nil, fmt.Errorf("server %s does not answer (%w): look whether it runs, and whether it can be reached from here", s.URL, err)
	}
	return st, cl, nil
}

// reach gives the daemon that commands speak to, and what it says of itself.
func (a *app) reach(ctx context.Context) (st client.Status, cl *client.Client, err error) {
	defer func() { a.met = st.Version }()
	cfg, err := a.config()
	if err != nil {
		return client.Status{}, nil, err
	}
	s, ok, err := a.target(cfg)
	if err != nil {
		return client.Status{}, nil, err
	}
	if ok {
		return s.status(ctx)
	}
	return running(ctx, cfg)
}

// ours marks commands that are about this machine, whatever the context.
func ours(cmds ...*cobra.Command) {
	for _, c := range cmds {
		c.Annotations = map[string]string{"volundr": here}
	}
}

// onlyHere refuses a server for commands that are about this machine.
func (a *app) onlyHere(c *cobra.Command, _ []string) error {
	if a.server == "" && a.token == "" {
		return nil
	}
	for at := c; at != nil; at = at.Parent() {
		if at.Annotations["volundr"] == here {
			return fmt.Errorf("`%s` is about this machine: leave --server and --token out", c.CommandPath())
		}
	}
	return nil
}
