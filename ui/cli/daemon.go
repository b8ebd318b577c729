package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"volundr/daemon/config"
	"volundr/ui/client"
)

// errDown says that no daemon answers for this data directory.
var errDown = errors.New("no daemon is running: start it with `volundr up`")

func (a *app) config() (config.Config, error) { return config.Load(a.flags) }

// running reads the state file of the daemon and asks it whether it lives.
func running(ctx context.Context, cfg config.Config) (client.Status, *client.Client, error) {
	var st client.Status
	raw, err := os.ReadFile(cfg.Paths.State)
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil, errDown
	}
	if err != nil {
		return st, nil, err
	}
	if err := json.Unmarshal(raw, &st); err != nil {
		return st, nil, errDown // a torn file of a daemon that died while it started
	}
	token, err := os.ReadFile(st.TokenFile)
	if err != nil {
		return st, nil, fmt.Errorf("the daemon's token cannot be read (%w): are you the user who started it?", err)
	}
	cl := client.New(st.URL, strings.TrimSpace(string(token)))
	cl.Agent = client.CommandLine
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	live, err := cl.Status(ctx)
	if client.Unauthorized(err) {
		return st, nil, errDown // another program has the port now
	}
	if err != nil {
		return st, nil, errDown
	}
	return live, cl, nil
}

// connect gives a client of the daemon that commands speak to.
func (a *app) connect(ctx context.Context) (*client.Client, error) {
	_, cl, err := a.reach(ctx)
	return cl, err
}

// own gives a client of this machine's daemon, whatever the context.
func (a *app) own(ctx context.Context) (*client.Client, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	_, cl, err := running(ctx, cfg)
	return cl, err
}

// gone waits until the daemon has let go of its data directory.
func gone(ctx context.Context, st client.Status) error {
	hc := &http.Client{Timeout: time.Second}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, st.URL+"/health", nil)
		if err != nil {
			return err
		}
		res, err := hc.Do(req)
		if err != nil && ctx.Err() == nil && !alive(st.PID) {
			return nil
		}
		if err == nil {
			res.Body.Close()
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the daemon (process %d) has not ended yet", st.PID)
		}
	}
}
