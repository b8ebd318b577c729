package vault

import (
	"bytes"
	"io"
	"testing"
)

func TestAStreamOpensOnlyWithTheVaultsKeyAndWhole(t *testing.T) {
	v := newPlace(t).vault(&ring{secrets: map[string]string{}})
	text := bytes.Repeat([]byte("a pack "), 30_000)
	var sealed bytes.Buffer
	out, err := v.Seal(t.Context(), &sealed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed.Bytes(), []byte("a pack")) {
		t.Error("it stands in clear")
	}
	open := func(raw []byte) ([]byte, error) {
		r, err := v.Open(t.Context(), bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}
	if got, err := open(sealed.Bytes()); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	if _, err := open(sealed.Bytes()[:sealed.Len()-1]); err == nil {
		t.Error("a cut stream passed for whole")
	}
	other := newPlace(t).vault(&ring{secrets: map[string]string{}})
	if _, err := other.Seal(t.Context(), io.Discard); err != nil { // it has a key
		t.Fatal(err)
	}
	if _, err := other.Open(t.Context(), bytes.NewReader(sealed.Bytes())); err == nil {
		t.Error("another vault opened it")
	}
	changed := bytes.Clone(sealed.Bytes())
	changed[len(changed)/2] ^= 1
	if _, err := open(changed); err == nil {
		t.Error("an altered stream passed")
	}
}
