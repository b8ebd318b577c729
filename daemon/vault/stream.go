package vault

import (
	"context"
	"fmt"
	"io"

	"filippo.io/age"
)

// Streams are age files whose file key is sealed like a credential, so that
// what is packed away is as safe as the vault itself, and lost with its key.
const stanza = "volundr-vault"

// Seal gives a writer that encrypts what is written to it into w. It must be
// closed: only then the stream is whole.
func (v *Vault) Seal(ctx context.Context, w io.Writer) (io.WriteCloser, error) {
	out, err := age.Encrypt(w, streamKey{ctx, &v.seal})
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return out, nil
}

// Open gives a reader of what Seal encrypted. It ends with an error where the
// stream was cut or altered.
func (v *Vault) Open(ctx context.Context, r io.Reader) (io.Reader, error) {
	out, err := age.Decrypt(r, streamKey{ctx, &v.seal})
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	return out, nil
}

// streamKey is the vault's key as age's recipient and identity.
type streamKey struct {
	ctx  context.Context
	seal *seal
}

// Wrap implements age.Recipient.
func (k streamKey) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	body, err := k.seal.close(k.ctx, fileKey, []byte(stanza))
	if err != nil {
		return nil, err
	}
	return []*age.Stanza{{Type: stanza, Body: body}}, nil
}

// Unwrap implements age.Identity.
func (k streamKey) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, s := range stanzas {
		if s.Type == stanza {
			return k.seal.open(k.ctx, s.Body, []byte(stanza))
		}
	}
	return nil, age.ErrIncorrectIdentity
}
