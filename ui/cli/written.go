package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// maxWritten bounds a session that comes from a file, in bytes.
const maxWritten = 2 << 20

// written reads the session that stands in a YAML file or, asJSON, on standard
// input. Without either it says nothing.
func (a *app) written(c *cobra.Command, from string, asJSON bool) (in client.SessionCreate, err error) {
	var text []byte
	switch {
	case from == "-" || asJSON:
		text, err = io.ReadAll(io.LimitReader(c.InOrStdin(), maxWritten+1))
	case from != "":
		text, err = os.ReadFile(from)
	default:
		return in, nil
	}
	if err != nil {
		return in, err
	}
	if len(text) > maxWritten {
		return in, fmt.Errorf("the session is larger than %d MiB, and nothing was created: put long texts into a file of the workspace", maxWritten>>20)
	}
	if asJSON {
		return in, ofJSON(text, &in)
	}
	raw, problems, err := a.Session(text)
	if err != nil {
		return in, err
	}
	if len(problems) > 0 {
		for _, p := range problems {
			fmt.Fprintln(c.ErrOrStderr(), clean(from+p))
		}
		return in, fmt.Errorf("the session in %s cannot be: nothing was created", from)
	}
	return in, ofJSON(raw, &in)
}

func ofJSON(text []byte, in *client.SessionCreate) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err := dec.Decode(in)
	if errors.Is(err, io.EOF) {
		return errors.New("standard input is empty: give the session there as JSON, or its name as an argument")
	}
	if err != nil {
		return fmt.Errorf("the session cannot be read from its JSON: %w", err)
	}
	return nil
}

// over lays what was typed over what was written: environment and resources by
// name, the rest whole; a branch alone is one of the repository that is written.
func over(written, typed client.SessionCreate) (out client.SessionCreate, err error) {
	if w, t := written.Source, typed.Source; w != nil && t != nil && w.Type == client.SourceGit && t.Type == client.SourceGit && t.Repo == "" {
		both := *w
		if t.Branch != "" {
			both.Branch = t.Branch
		}
		if t.BaseBranch != "" {
			both.BaseBranch = t.BaseBranch
		}
		typed.Source = &both
	}
	if typed.Name == "" {
		typed.Name = written.Name
	}
	if len(written.Env)+len(typed.Env) > 0 {
		env := map[string]string{}
		maps.Copy(env, written.Env)
		maps.Copy(env, typed.Env)
		typed.Env = env
	}
	if len(written.ResourceConfig)+len(typed.ResourceConfig) > 0 {
		resources := map[string]any{}
		maps.Copy(resources, written.ResourceConfig)
		maps.Copy(resources, typed.ResourceConfig)
		typed.ResourceConfig = resources
	}
	if typed.Agent != "" && written.Agent != "" && typed.Agent != written.Agent { // the other one's
		written.Model, written.Mode, written.Command = "", "", nil
	}
	both := map[string]json.RawMessage{}
	for _, part := range []client.SessionCreate{written, typed} {
		raw, err := json.Marshal(part) // only what it says
		if err != nil {
			return out, err
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			return out, err
		}
		maps.Copy(both, fields)
	}
	raw, err := json.Marshal(both)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(raw, &out)
}
