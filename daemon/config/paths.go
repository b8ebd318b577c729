package config

import (
	"fmt"
	"path/filepath"

	"github.com/adrg/xdg"
)

// Paths are where everything lies. All are absolute.
type Paths struct {
	Data     string // folder of state; made with mode 0700 by who writes first
	DB       string // SQLite file
	Lock     string // held by the daemon
	Token    string // bearer token for programs of the same user
	Keys     string // folder of keys
	Mirrors  string // folder of git mirrors
	Archives string // folder of packed sessions
	Files    string // folder of the sandbox API's files
	State    string // daemon.json: url and pid of the daemon that runs
	Log      string // the daemon's log
	Config   string // the YAML file; need not exist
}

// paths puts everything under dataDir, or under the desktop's usual folders
// when that is empty.
func paths(dataDir string) (Paths, error) {
	data, state, conf := filepath.Join(xdg.DataHome, "volundr"), filepath.Join(xdg.StateHome, "volundr"), filepath.Join(xdg.ConfigHome, "volundr")
	if dataDir != "" {
		abs, err := filepath.Abs(dataDir)
		if err != nil {
			return Paths{}, fmt.Errorf("data directory: %w", err)
		}
		data, state, conf = abs, abs, abs
	}
	return Paths{
		Data:     data,
		DB:       filepath.Join(data, "volundr.db"),
		Lock:     filepath.Join(data, "lock"),
		Token:    filepath.Join(data, "token"),
		Keys:     filepath.Join(data, "keys"),
		Mirrors:  filepath.Join(data, "mirrors"),
		Archives: filepath.Join(data, "archives"),
		Files:    filepath.Join(data, "files"),
		State:    filepath.Join(state, "daemon.json"),
		Log:      filepath.Join(state, "log", "daemon.log"),
		Config:   filepath.Join(conf, "config.yaml"),
	}, nil
}
