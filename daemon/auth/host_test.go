package auth

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for listen, ok := range map[string]bool{
		"127.0.0.1:7420": true, "localhost:7420": true, "[::1]:7420": true, "127.0.0.2:80": true,
		"0.0.0.0:7420": false, ":7420": false, "[::]:7420": false, "192.168.1.2:7420": false,
		"example.org:7420": false, "127.0.0.1": false, "127.0.0.1:0": false, "127.0.0.1:http": false, "127.0.0.1:70000": false,
	} {
		if _, err := newHosts("abcdefgh", listen); (err == nil) != ok {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

func TestHostsFollowTheListenAddress(t *testing.T) {
	for _, c := range []struct {
		listen, host string
		want         Kind
	}{
		{"127.0.0.1:80", "volundr-abcdefgh.localhost", Control},
		{"127.0.0.1:80", "volundr-abcdefgh.localhost:80", Foreign},
		{"[::1]:7420", "[::1]:7420", Program},
		{"[::1]:7420", "localhost:7420", Program},
		{"[::1]:7420", "127.0.0.1:7420", Foreign},
		{"127.0.0.2:7420", "127.0.0.2:7420", Program},
		{"127.0.0.1:7420", "probe-abcdefgh.localhost:7420", Probe},
		{"127.0.0.1:7420", "probe-abcdefgi.localhost:7420", Foreign},
		{"127.0.0.1:7420", "probe-abcdefgh.localhost", Foreign},
	} {
		h, err := newHosts("abcdefgh", c.listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.kind(c.host); got != c.want {
			t.Errorf("listening on %s, %s is %s, want %s", c.listen, c.host, got, c.want)
		}
	}
}

func TestLabelsFitIntoDNS(t *testing.T) {
	const session = "ffffffff-ffff-4fff-bfff-ffffffffffff"
	token := strings.Repeat("a", 26)
	for _, l := range []label{
		{Editor, 0, session, token}, {Terminal, 0, session, token},
		{Preview, 65535, session, token}, {Preview, 1, session, token}, {Preview, 80, session, token},
	} {
		s := l.String()
		if len(s) > 63 || s[2:4] == "--" || strings.ToLower(s) != s {
			t.Errorf("%q is no plain label", s)
		}
		if back, ok := parseLabel(s); !ok || back != l {
			t.Errorf("%q reads as %+v, %v", s, back, ok)
		}
	}
}

func TestLabelsHaveOneSpelling(t *testing.T) {
	good := label{Preview, 3000, "00000000-0000-4000-8000-000000000000", strings.Repeat("a", 26)}.String()
	for _, bad := range []string{
		strings.ToUpper(good), strings.Replace(good, "p3000", "p03000", 1), strings.Replace(good, "p3000", "p+300", 1),
		strings.Replace(good, "p3000", "p0", 1), strings.Replace(good, "p3000", "p70000", 1), strings.Replace(good, "p3000", "shell", 1),
		good + "a", good + "--", "--" + good, good[:len(good)-1] + "b", "a." + good, good + ".", "", "--", "----",
	} {
		if l, ok := parseLabel(bad); ok {
			t.Errorf("%q reads as %+v", bad, l)
		}
	}
}

func FuzzHost(f *testing.F) {
	h, err := newHosts("abcdefgh", listen)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(h.control)
	f.Add("localhost:7420")
	f.Add(label{Editor, 0, "00000000-0000-4000-8000-000000000000", strings.Repeat("a", 26)}.String() + ".localhost:7420")
	f.Fuzz(func(t *testing.T, host string) {
		switch h.kind(host) {
		case Control:
			if host != h.control {
				t.Errorf("%q is control", host)
			}
		case Program:
			if host != "127.0.0.1:7420" && host != "localhost:7420" {
				t.Errorf("%q is for programs", host)
			}
		case SurfaceHost:
			l, _ := h.label(host)
			if l.String()+".localhost:7420" != host {
				t.Errorf("%q has another spelling: %q", host, l)
			}
		}
	})
}

func FuzzOrigin(f *testing.F) {
	f.Add("http://volundr-abcdefgh.localhost:7420", "same-origin", "POST")
	f.Add("null", "cross-site", "GET")
	f.Fuzz(func(t *testing.T, origin, site, method string) {
		const ours = "http://volundr-abcdefgh.localhost:7420"
		r := httptest.NewRequest("GET", "/", nil)
		r.Method = method
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", site)
		if Forged(r, ours, true) == "" && (origin != ours || site != "same-origin" && site != "none") {
			t.Errorf("%s from %q, %q passes", method, origin, site)
		}
	})
}

func FuzzLocalPath(f *testing.F) {
	f.Add("/s/1?a=b")
	f.Add("//evil.example")
	f.Add("/\\evil.example")
	f.Fuzz(func(t *testing.T, s string) {
		if p := localPath(s); p[0] != '/' || strings.HasPrefix(p, "//") || strings.HasPrefix(p, "/\\") {
			t.Errorf("%q leads to %q", s, p)
		}
	})
}
