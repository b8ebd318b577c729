package backup

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Whatever byte of a backup is another, it is not whole, and nothing of it is
// used.
func TestAFlippedByteIsFound(t *testing.T) {
	in := newInstallation(t, nil)
	for name, p := range map[string]func() (string, error){"plain": nil, "encrypted": asked} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(in.backedUp(p))
			in.check(err)
			bad := filepath.Join(t.TempDir(), "bad")
			broken := func(what string, b []byte) {
				t.Helper()
				in.check(os.WriteFile(bad, b, 0o600))
				if _, err := Verify(t.Context(), in.options(bad, p)); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrPassphrase) {
					t.Errorf("%s: %v", what, err)
				}
				to := in.empty(nil)
				if _, err := Restore(t.Context(), to.options(bad, p), nil); err == nil || to.used() != "" || Unfinished(to.paths.Data) {
					t.Errorf("%s: restored (%v), %s", what, err, to.used())
				}
			}
			for _, at := range places(t, raw, p == nil) {
				b := bytes.Clone(raw)
				b[at] ^= 1
				broken("byte "+t.Name(), b)
			}
			for _, n := range []int{0, 1, len(raw) / 3, len(raw) - 66, len(raw) - 1} {
				broken("cut", raw[:n])
			}
			broken("more", append(bytes.Clone(raw), 'x'))
		})
	}
}

// places are offsets in a backup: in headers, contents and padding of each file,
// and all over it.
func places(t *testing.T, raw []byte, plain bool) (at []int) {
	for n := 0; n < len(raw); n += len(raw)/24 + 1 {
		at = append(at, n)
	}
	at = append(at, len(raw)-1, len(raw)-40, 30)
	if !plain {
		return at
	}
	_, _, err := read(t.Context(), bytes.NewReader(raw), func(name string, size int64, r io.Reader) error {
		body, err := io.ReadAll(r)
		begin := bytes.Index(raw, body)
		at = append(at, begin, begin+len(body)/2, begin+len(body)-1, begin-512)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func (in *installation) used() string { return in.options("", nil).used() }
