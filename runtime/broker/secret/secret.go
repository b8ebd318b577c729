// Package secret brings the credentials of a session into one of its
// containers: values into the environment of what is started there, files into
// memory. Nothing of them is written to a volume, to the container's
// configuration or to a log.
package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"volundr/runtime/broker/wire"
)

// Place is where secrets come from and go to.
type Place struct {
	URL  string // that is asked
	Dir  string // in memory
	Home string
}

// Here is a session's.
func Here() Place {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/home/volundr"
	}
	return Place{URL: fmt.Sprintf("http://127.0.0.1:%d%s", wire.OutsidePort, wire.OutsideSecrets), Dir: wire.PathSecrets, Home: home}
}

// pause is between two questions while the broker, or the daemon behind it, is
// not there yet.
const pause = 100 * time.Millisecond

// Take asks for the secrets until it is told, lays their files and puts their
// variables into this process's own environment, which what it starts inherits.
// Its error is a sentence: the daemon's, or what is wrong in here.
func Take(ctx context.Context, at Place) error {
	for {
		s, err := at.ask(ctx)
		var no refusal
		switch {
		case err == nil:
			if err := at.Lay(s.Files); err != nil {
				return err
			}
			for name, value := range s.Env {
				if err := os.Setenv(name, value); err != nil {
					return fmt.Errorf("The variable %s of a credential cannot be set. Give the credential another name.", name)
				}
			}
			return nil
		case errors.As(err, &no):
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// refusal is the daemon's no.
type refusal struct{ said string }

func (r refusal) Error() string { return r.said }

func (p Place) ask(ctx context.Context) (s wire.Secrets, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return s, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	if res.StatusCode >= 400 && res.StatusCode < 500 {
		var said wire.Problem
		if json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&said) != nil || said.Detail == "" {
			said.Detail = "The daemon gave no credentials (" + res.Status + "). Start the session again."
		}
		return s, refusal{said.Detail}
	}
	if res.StatusCode != http.StatusOK {
		return s, errors.New(res.Status)
	}
	return s, json.NewDecoder(io.LimitReader(res.Body, wire.MaxSecrets)).Decode(&s)
}
