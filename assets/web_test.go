package assets

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWebFiles(t *testing.T) {
	srv := httptest.NewServer(Web())
	defer srv.Close()
	for _, c := range []struct {
		path   string
		status int
		cache  string
		kind   string
	}{
		{URL("app.js"), 200, "public, max-age=31536000, immutable", "text/javascript; charset=utf-8"},
		{URL("tokens.css"), 200, "public, max-age=31536000, immutable", "text/css; charset=utf-8"},
		{Prefix + "000000000000/app.js", 200, "no-cache", "text/javascript; charset=utf-8"},
		{URL("nothing.js"), 404, "", "text/plain; charset=utf-8"},
		{URL(""), 404, "", "text/plain; charset=utf-8"},
		{URL("../web.go"), 404, "", "text/plain; charset=utf-8"},
	} {
		res, err := http.Get(srv.URL + c.path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status || res.Header.Get("Cache-Control") != c.cache || res.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s: %d, %q, %q", c.path, res.StatusCode, res.Header.Get("Cache-Control"), res.Header.Get("Content-Type"))
		}
	}
}

// The budget is 60 KB of scripts and 100 KB for a first page over the wire; this
// holds what is reached.
func TestScriptsAreSmall(t *testing.T) {
	entries, err := web.ReadDir("web")
	if err != nil {
		t.Fatal(err)
	}
	var scripts, all int
	for _, e := range entries {
		b, err := web.ReadFile("web/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		n := len(zip(b))
		if all += n; strings.HasSuffix(e.Name(), ".js") {
			scripts += n
		}
	}
	if scripts > 30<<10 || all > 48<<10 {
		t.Errorf("scripts take %d bytes over the wire, everything %d", scripts, all)
	}
	t.Logf("scripts %d bytes, everything %d", scripts, all)
}
