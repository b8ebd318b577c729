package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/zalando/go-keyring"

	"volundr/store"
)

const (
	metaPlace    = "vault_key" // in the store: where the key is, for ever
	placeKeyring = "keyring"
	placeFile    = "file"

	ringService = "volundr"
	keyFile     = "vault.key"
	version     = 1 // first byte of what is sealed
)

// seal closes and opens values with the installation's key. Where the key is
// was chosen at first use and never changes by itself: a keyring that is away
// later must not make a second key under which the first one's values are lost.
type seal struct {
	db    *store.DB
	dir   string
	user  string
	ring  Keyring
	limit time.Duration

	mu    sync.Mutex
	key   []byte
	pause time.Time // no keyring is asked before: the last one was too slow
}

// pauseFor keeps a locked keyring from holding up every request.
const pauseFor = 20 * time.Second

// errLost: the key is gone for good, not merely out of reach.
var errLost = errors.New("it is not there any more")

// close seals value. about is bound to it: the value opens only for the same.
func (s *seal) close(ctx context.Context, value, about []byte) ([]byte, error) {
	aead, err := s.aead(ctx, true)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(append([]byte{version}, nonce...), nonce, value, about), nil
}

// open opens what close sealed.
func (s *seal) open(ctx context.Context, sealed, about []byte) ([]byte, error) {
	aead, err := s.aead(ctx, false)
	if err != nil {
		return nil, err
	}
	n := 1 + aead.NonceSize()
	if len(sealed) < n || sealed[0] != version {
		return nil, errors.New("sealed in a way that is not known")
	}
	return aead.Open(nil, sealed[1:n], sealed[n:], about)
}

func (s *seal) aead(ctx context.Context, anew bool) (cipher.AEAD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		key, err := s.find(ctx, anew)
		if err != nil {
			return nil, err
		}
		s.key = key
	}
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// find gives the key from where it is, or chooses a place at first use. With
// anew a key that is lost is replaced: what it sealed is lost already.
func (s *seal) find(ctx context.Context, anew bool) (key []byte, err error) {
	place, err := s.db.Meta(ctx, metaPlace)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return s.first(ctx)
	case err != nil:
		return nil, err
	case place == placeKeyring && anew:
		key, err = s.newInRing()
	case place == placeKeyring:
		key, err = s.fromRing()
	case anew:
		key, err = s.inFile()
	default:
		key, err = s.fromFile()
	}
	switch {
	case err == nil:
		return key, nil
	case errors.Is(err, errLost):
		return nil, err
	case place == placeKeyring:
		return nil, &sentence{fmt.Sprintf("The key of the credentials is in the system's keyring, which did not give it (%v). Unlock the keyring and try again.", err), ErrLocked}
	default:
		return nil, &sentence{fmt.Sprintf("The key of the credentials cannot be read from %s (%v). Make the file readable and try again.", s.path(), err), ErrLocked}
	}
}

// place is where the store says that the key is; empty: nowhere yet.
func (s *seal) place(ctx context.Context) (string, error) {
	place, err := s.db.Meta(ctx, metaPlace)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return place, err
}

// first chooses the place. The key is there before the choice is written down,
// and one that a crash left there is taken.
func (s *seal) first(ctx context.Context) ([]byte, error) {
	key, err := s.fromFile()
	place := placeFile
	if errors.Is(err, errLost) {
		key, err = s.newInRing()
		if place = placeKeyring; err != nil {
			place = placeFile
			key, err = s.inFile()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make the key of the credentials: %w", err)
	}
	stands, err := s.db.SetMetaOnce(ctx, metaPlace, place)
	if err == nil && stands != place {
		err = errors.New("another daemon chose another place for the key of the credentials")
	}
	return key, err
}

func (s *seal) fromRing() ([]byte, error) {
	text, err := asked(s, func() (string, error) { return s.ring.Get(ringService, s.user) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil, errLost
	}
	if err != nil {
		return nil, err
	}
	return parseKey(text)
}

func (s *seal) newInRing() ([]byte, error) {
	key, err := s.fromRing()
	if !errors.Is(err, errLost) {
		return key, err
	}
	fresh := newKey()
	_, err = asked(s, func() (struct{}, error) { return struct{}{}, s.ring.Set(ringService, s.user, fresh) })
	if err != nil {
		return nil, err
	}
	return s.fromRing() // one that forgets at once is none
}

// asked asks the keyring, unless it was too slow a moment ago.
func asked[T any](s *seal, f func() (T, error)) (v T, err error) {
	if time.Now().Before(s.pause) {
		return v, errSlow
	}
	if v, err = within(s.limit, f); errors.Is(err, errSlow) {
		s.pause = time.Now().Add(pauseFor)
	}
	return v, err
}

func (s *seal) path() string { return filepath.Join(s.dir, keyFile) }

func (s *seal) fromFile() ([]byte, error) {
	info, err := os.Lstat(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errLost
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no ordinary file", s.path())
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(s.path(), 0o600); err != nil {
			return nil, err
		}
	}
	b, err := os.ReadFile(s.path())
	if err != nil {
		return nil, err
	}
	return parseKey(string(b))
}

// inFile gives the file's key, and makes one when there is none.
func (s *seal) inFile() ([]byte, error) {
	if key, err := s.fromFile(); !errors.Is(err, errLost) {
		return key, err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(s.dir, keyFile+"-*") // 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(newKey() + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(tmp.Name(), s.path()); err != nil {
		return nil, err
	}
	return s.fromFile()
}

func newKey() string {
	key := make([]byte, 32)
	rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

func parseKey(text string) ([]byte, error) {
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 32 {
		return nil, errors.New("it is no key of ours")
	}
	return key, nil
}

// Warning says what is weaker than it could be in how credentials are kept, or
// nothing.
func (v *Vault) Warning(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if place, _ := v.DB.Meta(ctx, metaPlace); place != placeFile {
		return ""
	}
	return "There was no keyring on this system, so the key of the stored credentials lies in " + v.seal.path() +
		", readable by you alone. Whoever can read your files can read the credentials."
}
