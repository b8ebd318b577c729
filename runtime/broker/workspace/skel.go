package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"volundr/runtime/broker/wire"
)

// Skel lays the files of skel into home where they are missing. Several
// containers may do it at the same time.
func Skel(skel, home string) error {
	return filepath.WalkDir(skel, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		rel, err := filepath.Rel(skel, path)
		if err != nil {
			return err
		}
		to := filepath.Join(home, rel)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		if _, err := os.Lstat(to); err == nil || !d.Type().IsRegular() {
			return nil
		}
		return lay(path, to)
	})
}

// lay copies a file so that it is there whole or not at all.
func lay(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), ".skel-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	_, err = io.Copy(out, in)
	if st, serr := in.Stat(); serr == nil && err == nil {
		err = out.Chmod(st.Mode().Perm())
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err := os.Link(out.Name(), to); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// agentFiles writes what an agent reads from its home and cannot be told
// otherwise. A file of the user's own stays.
func agentFiles(c wire.Config, home string) error {
	path := filepath.Join(home, ".codex", "config.toml")
	if c.Agent.Kind != "codex" {
		return nil
	}
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, fmt.Appendf(nil, codexConfig, wire.OutsidePort, wire.OutsideModels), 0o600)
}

// codexConfig serves the codex command in the terminal; the agent is told the
// same through its environment.
const codexConfig = `# Models are reached through Volundr, which holds the key.
model_provider = "volundr"
sandbox_mode = "danger-full-access"

[model_providers.volundr]
name = "Volundr"
base_url = "http://127.0.0.1:%d%sopenai/v1"
wire_api = "responses"
requires_openai_auth = false
`
