package daemon

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const keyBlock = "VOLUNDR DAEMON KEY"

// linkKey reads the key that opens sessions' brokers, or makes it. Losing it
// only costs the connections to sessions that run now; a stop and a start give
// them the new one.
func linkKey(path string) (ed25519.PrivateKey, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newLinkKey(path)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != keyBlock || len(block.Bytes) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s is not a daemon key: move it away, and a new one is made", path)
	}
	return ed25519.NewKeyFromSeed(block.Bytes), nil
}

func newLinkKey(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// Written beside and renamed: a kill in between leaves no half key.
	tmp := path + ".new"
	if err := os.WriteFile(tmp, pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: key.Seed()}), 0o600); err != nil {
		return nil, err
	}
	return key, os.Rename(tmp, path)
}
