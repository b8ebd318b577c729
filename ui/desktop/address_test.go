package desktop

import (
	"strings"
	"testing"
)

const id = "01234567-89ab-4cde-8f01-23456789abcd"

func TestAnAddressNamesAPageAndNothingElse(t *testing.T) {
	for address, want := range map[string]string{
		"volundr:": "/", "volundr://": "/", "volundr:///": "/", "volundr://new": "/sessions/new", "volundr://new/": "/sessions/new",
		"volundr://sessions/" + id: "/sessions/" + id, "volundr://sessions/" + id + "/": "/sessions/" + id,
		"volundr://chronicles": "/chronicles", "volundr://chronicles/" + id: "/chronicles/" + id,

		"": "", "http://evil.example": "", "volundr": "", "VOLUNDR://new": "", "volundr://new?prompt=x": "", "volundr://new#x": "", "volundr://new/../x": "",
		"volundr://sessions/" + id + "/stop": "", "volundr://sessions/" + id + "/delete": "", "volundr://sessions/..%2f..": "", "volundr://sessions/" + strings.ToUpper(id): "",
		"volundr://sessions/" + id + "\n": "", "volundr://user@new": "", "volundr://login/code": "", "volundr://evil.example": "", "--help": "",
	} {
		got, err := Page(address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", address, got, err, want)
		}
	}
}

func FuzzPage(f *testing.F) {
	for _, s := range []string{"volundr://", "volundr://new", "volundr://sessions/" + id, "volundr://chronicles/" + id + "?x", "volundr:////"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		path, err := Page(address)
		if err != nil {
			return
		}
		rest := strings.TrimSuffix(strings.TrimPrefix(path, "/sessions/"), "/")
		rest = strings.TrimPrefix(rest, "/chronicles/")
		if ok := path == "/" || path == "/sessions/new" || path == "/chronicles" || len(rest) == 36 && !strings.ContainsAny(rest, "/?#%. "); !ok {
			t.Errorf("%q opens %q", address, path)
		}
	})
}
