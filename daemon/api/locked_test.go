package api

import (
	"strings"
	"testing"
)

// A key of the credentials that is out of reach is no defect of ours: it is
// said with the next step, and nothing is lost.
func TestALockedKeyringIsSaid(t *testing.T) {
	w := newWorld(t)
	key := `{"name":"anthropic","secret_type":"api_key","data":{"api_key":"sk-test"}}`
	if status, _, body := w.ask("POST", Prefix+"/credentials", key); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	w.ring.lock()
	again := newVault(w)
	w.options.Vault = again
	w.serve()
	if status, _, body := w.ask("POST", Prefix+"/credentials", key); status != 503 || !strings.Contains(detail(body), "Unlock the keyring and try again.") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := w.ask("GET", Prefix+"/credentials", ""); status != 200 || !strings.Contains(body, "anthropic") {
		t.Errorf("%d %s", status, body)
	}
}
