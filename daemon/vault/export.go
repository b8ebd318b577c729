package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// KeyFile is the name of the key's file in Options.Dir, where the key lies in
// one, and in backups.
const KeyFile = keyFile

// Export gives the installation's key as its file holds it. place is where the
// store says that it is; where it says nothing there is no key yet, and the
// text is empty. Of the options it needs Dir and Installation.
func Export(place string, o Options) (text string, err error) {
	s := sealOf(o)
	var key []byte
	switch place {
	case "":
		return "", nil
	case placeKeyring:
		key, err = s.fromRing()
	default:
		key, err = s.fromFile()
	}
	if err != nil {
		return "", fmt.Errorf("the key of the credentials, which is in the %s: %w", s.named(place), err)
	}
	return base64.StdEncoding.EncodeToString(key) + "\n", nil
}

// Import makes the key in Options.Dir that of a store that came from elsewhere.
// Where the store says that it is in the keyring, it is put there; where that
// has another one, or is none, it stays in the file, and the store says so. No
// file is no error: found is false unless the keyring has a key, then.
func Import(ctx context.Context, o Options) (found bool, err error) {
	s := sealOf(o)
	place, err := s.place(ctx)
	if err != nil || place == "" {
		return place == "", err
	}
	key, err := s.fromFile()
	switch {
	case errors.Is(err, errLost) && place == placeKeyring:
		_, err := s.fromRing()
		return err == nil, nil
	case errors.Is(err, errLost):
		return false, nil
	case err != nil:
		return false, err
	}
	if place == placeKeyring && s.ringTakes(key) {
		return true, os.Remove(filepath.Join(o.Dir, keyFile))
	}
	return true, o.DB.SetMeta(ctx, metaPlace, placeFile)
}

func sealOf(o Options) *seal {
	if o.Keyring == nil {
		o.Keyring = system{}
	}
	return &seal{db: o.DB, dir: o.Dir, user: o.Installation, ring: o.Keyring, limit: keyringLimit}
}

// named is what people call a place.
func (s *seal) named(place string) string {
	if place == placeKeyring {
		return "system's keyring"
	}
	return "file " + s.path()
}

// ringTakes puts the key into the keyring, unless that has another one.
func (s *seal) ringTakes(key []byte) bool {
	there, err := s.fromRing()
	if errors.Is(err, errLost) {
		_, err = asked(s, func() (struct{}, error) {
			return struct{}{}, s.ring.Set(ringService, s.user, base64.StdEncoding.EncodeToString(key))
		})
		if err == nil {
			there, err = s.fromRing()
		}
	}
	return err == nil && string(there) == string(key)
}
