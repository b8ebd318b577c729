package proxy

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"volundr/daemon/auth"
)

// Whatever a browser sends: what arrives in a session is addressed to the
// program alone, and carries no cookie of ours, no other origin and no referrer;
// and a host that is no surface's arrives nowhere.
func FuzzRequest(f *testing.F) {
	var mu sync.Mutex
	var arrived []*http.Request
	x := newRig(f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		arrived = append(arrived, r)
		w.Header().Add("Set-Cookie", auth.SurfaceCookie+"=stolen")
		w.Header().Set("Location", "http://127.0.0.1:3000/next")
	}))
	host := x.open(auth.Preview, 3000)
	for _, raw := range []string{
		"GET / HTTP/1.1\r\nHost: HOST\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\n\r\n",
		"POST /a/../b?c HTTP/1.1\r\nHost: HOST\r\nOrigin: http://HOST\r\nCookie: a=b; volundr-x=secret; " + auth.SurfaceCookie + "=secret\r\nContent-Length: 1\r\n\r\nx",
		"GET http://HOST/%2e%2e//x HTTP/1.1\r\nHost: other\r\nReferer: http://HOST/\r\nSec-Fetch-Site: same-origin\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: HOST\r\nOrigin: http://HOST\r\nConnection: Upgrade, Cookie\r\nUpgrade: websocket\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: HOST\r\nOrigin: http://evil.example\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: HOST.evil.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(raw, "HOST", host))))
		if err != nil {
			return
		}
		defer func() {
			if why := recover(); why != nil && why != http.ErrAbortHandler {
				panic(why)
			}
		}()
		mu.Lock()
		arrived = nil
		mu.Unlock()
		answer := httptest.NewRecorder()
		x.proxy.ServeHTTP(answer, r.WithContext(t.Context()))
		for _, line := range answer.Result().Header.Values("Set-Cookie") {
			if strings.Contains(line, "stolen") {
				t.Errorf("%q sets %q", raw, line)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, in := range arrived {
			if x.auth.Kind(r.Host) != auth.SurfaceHost {
				t.Errorf("%q arrives, and is for %q", raw, r.Host)
			}
			if in.Host != "127.0.0.1:3000" || in.Header.Get("Referer") != "" {
				t.Errorf("%q arrives at %q from %q", raw, in.Host, in.Header.Get("Referer"))
			}
			if origin := in.Header.Get("Origin"); origin != "" && origin != "http://127.0.0.1:3000" {
				t.Errorf("%q arrives from %q", raw, origin)
			}
			for _, c := range in.Cookies() {
				if auth.IsOurCookie(c.Name) {
					t.Errorf("%q brings %s", raw, c.Name)
				}
			}
		}
	})
}
