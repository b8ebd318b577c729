// Package backup makes one file of an installation, and an installation of such
// a file: the database as it was at one moment, the packs and files that it
// names, the configuration, and, under a passphrase, the keys.
//
// The file is a tar archive that begins with what it is (backup.json) and ends
// with the SHA-256 of each file in it; behind it stands the SHA-256 of all of
// that. With a passphrase the whole is an age file (scrypt).
package backup

import (
	"context"
	"errors"
	"time"

	"volundr/daemon/config"
	"volundr/daemon/vault"
)

// Options are what all three acts need.
type Options struct {
	Paths   config.Paths
	File    string // of the backup
	Version string // of this program
	// Passphrase is asked for when one is needed. Create needs none where it is
	// nil: then the backup is without keys, and not encrypted.
	Passphrase func() (string, error)
	// Begun is called when a backup is about to be made, before the database is
	// read; nil: nothing is.
	Begun func(context.Context)
	// Keyring to use; nil: the system's.
	Keyring vault.Keyring
	// Work is scrypt's, as the exponent of two; 0: age's own, about a second.
	Work int
	// Step is called before every effect, for tests that end the process there.
	Step func(what string)
}

func (o Options) step(what string) {
	if o.Step != nil {
		o.Step(what)
	}
}

func (o Options) vault(dir, installation string) vault.Options {
	return vault.Options{Dir: dir, Installation: installation, Keyring: o.Keyring}
}

// Info is what a backup says of itself.
type Info struct {
	Format       int       `json:"format"` // of the file: 1
	Version      string    `json:"version"`
	MadeAt       time.Time `json:"made_at"`
	Installation string    `json:"installation"`
	Schema       int       `json:"schema"` // of the database
	Sessions     int       `json:"sessions"`
	Packs        int       `json:"packs"`
	Keys         bool      `json:"keys"`
	// Missing are files that the database names and that were not there.
	Missing []string `json:"missing,omitempty"`
}

const format = 1

// Names in a backup. The folders' are those of the data directory.
const (
	nameInfo     = "backup.json"
	nameDB       = "volundr.db"
	nameToken    = "token"
	nameSums     = "SHA256SUMS"
	dirArchives  = "archives/"
	dirFiles     = "files/"
	dirKeys      = "keys/"
	dirConfig    = "config/"
	dirStaging   = "backing-up" // in the data directory, while a backup is made
	dirRestoring = "restoring"  // in the data directory, while one is restored
)

// Kinds of errors; their texts are sentences with the next step.
var (
	// ErrDamaged: the file is not what was written.
	ErrDamaged = errors.New("the backup is damaged: take another one")
	// ErrUsed: the data directory holds an installation already.
	ErrUsed = errors.New("the data directory is in use")
	// ErrUnfinished: the data directory is not whole.
	ErrUnfinished = errors.New("a restore was cut off in this data directory: run `volundr backup restore` again")
	// ErrPassphrase: it does not open the backup.
	ErrPassphrase = errors.New("the passphrase does not open the backup")
)
