package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const someOIDC = "oidc: {issuer: 'https://id.example.com', client_id: a, default_role: developer}\n"

func loadPublic(t *testing.T, text string) (Config, error) {
	t.Helper()
	dir := t.TempDir()
	for name, raw := range map[string]string{"config.yaml": text, "tls.crt": "x", "tls.key": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(Flags{DataDir: dir})
	if _, problems, verr := Validate(Flags{DataDir: dir}); verr != nil || (len(problems) == 0) != (err == nil) || err != nil && problems[0] != err.Error() {
		t.Errorf("validate says %q (%v), and a start %v", problems, verr, err)
	}
	return c, err
}

// A public address is refused without TLS and a login, in a sentence that says
// what to do, with the line.
func TestAPublicAddressNeedsTLSAndALogin(t *testing.T) {
	const tls, url = "tls: {cert: tls.crt, key: tls.key}", "url: 'https://volundr.example.com', address: '0.0.0.0:443'"
	headers := func(more string) string {
		return "public: {" + url + ", surfaces: '*.volundr-surfaces.example', trusted_proxies: [10.0.0.0/8], proxy_login: {" + more + "}}"
	}
	for text, want := range map[string]string{
		someOIDC + "public: {" + url + ", " + tls + "}":                                  "",
		someOIDC + "public: {" + url + ", trusted_proxies: [10.0.0.0/8, '2001:db8::1']}": "",
		headers("") + "\n": "",
		headers("roles: {admin: [chiefs]}, logout_url: /oauth2/sign_out"):                            "",
		headers("user_header: X-Forwarded-User"):                                                     "",
		someOIDC + "public: {" + url + "}":                                                           ":2: a public address needs TLS",
		"public: {" + url + ", " + tls + "}":                                                         ":1: a public address needs a login",
		"public: {" + url + "}":                                                                      "needs TLS",
		someOIDC + "public: {" + url + ", tls: {cert: tls.crt}}":                                     "both cert and key",
		someOIDC + "public: {" + url + ", tls: {cert: no.crt, key: tls.key}}":                        "TLS cannot be used",
		someOIDC + "public: {" + url + ", trusted_proxies: [0.0.0.0/0]}":                             "is everybody",
		someOIDC + "public: {" + url + ", trusted_proxies: ['::/0']}":                                "is everybody",
		someOIDC + "public: {" + url + ", trusted_proxies: [proxy]}":                                 "no range of addresses",
		someOIDC + "public: {address: '0.0.0.0:443', " + tls + "}":                                   "needs a url",
		someOIDC + "public: {url: 'https://volundr.example.com', " + tls + "}":                       "needs an address",
		someOIDC + "public: {url: 'http://volundr.example.com', address: ':443', " + tls + "}":       "not of the form",
		someOIDC + "public: {url: 'https://volundr.example.com/ui', address: ':443', " + tls + "}":   "not of the form",
		someOIDC + "public: {url: 'https://ann@volundr.example.com', address: ':443', " + tls + "}":  "not of the form",
		someOIDC + "public: {url: 'https://Volundr.example.com', address: ':443', " + tls + "}":      "small letters",
		someOIDC + "public: {url: 'https://volundr.example.com.', address: ':443', " + tls + "}":     "small letters",
		someOIDC + "public: {url: 'https://192.0.2.1', address: ':443', " + tls + "}":                "full name",
		someOIDC + "public: {url: 'https://[2001:db8::1]', address: ':443', " + tls + "}":            "full name",
		someOIDC + "public: {url: 'https://volundr.example.com:443', address: ':443', " + tls + "}":  "leave the port",
		someOIDC + "public: {url: 'https://volundr.example.com:0443', address: ':443', " + tls + "}": "leave the port",
		someOIDC + "public: {url: 'https://volundr.example.com', address: 'eth0:443', " + tls + "}":  "IP address",
		someOIDC + "public: {url: 'https://volundr.example.com', address: '0.0.0.0', " + tls + "}":   "not of the form 0.0.0.0:443",
		someOIDC + "public: {" + url + ", surfaces: 'example.com', " + tls + "}":                     "begins with an asterisk",
		someOIDC + "public: {" + url + ", surfaces: '*.*.example.com', " + tls + "}":                 "begins with an asterisk",
		someOIDC + "public: {" + url + ", proxy_login: {}, " + tls + "}":                             "trusted proxies only",
		"public: {" + url + ", trusted_proxies: [10.0.0.0/8], proxy_login: {}}":                      "another site",
		headers("roles: {chief: [a]}"):                                                               "is not known",
		headers("user_header: X-Forwarded-For"):                                                      "something else",
		headers("user_header: x-auth-email"):                                                         "stands here twice",
		headers("user_header: 'x auth'"):                                                             "not the name of a header",
		headers("login_life: 1s"):                                                                    "out of range",
		headers("login_life: soon"):                                                                  "not a duration",
		headers("logout_url: 'javascript:alert(1)'"):                                                 "logout_url",
		headers("logout_url: '//evil.example/x'"):                                                    "logout_url",
		headers("user_headr: x"):                                                                     "did you mean",
		"listen: 0.0.0.0:7420":                                                                       "set public.url and public.address",
	} {
		_, err := loadPublic(t, text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\n\tgives %v, want %q", text, err, want)
		}
	}
}

func TestWhatAPublicAddressIsCalled(t *testing.T) {
	for _, c := range []struct {
		url, surfaces, suffix string
		apart                 Apart
	}{
		{"https://volundr.example.com", "", ".volundr.example.com", OfOneSite},
		{"https://volundr.example.com:8443", "", ".volundr.example.com:8443", OfOneSite},
		{"https://volundr.example.com", "*.surfaces.example.com", ".surfaces.example.com", OfOneSite},
		{"https://volundr.example.com", "*.example-surfaces.com", ".example-surfaces.com", SharedSite},
		{"https://volundr.example.com:8443", "*.s.example.org", ".s.example.org:8443", SharedSite},
		{"https://volundr.example.com", "*.github.io", ".github.io", SiteForEach},
		{"https://volundr.example.co.uk", "*.other.co.uk", ".other.co.uk", SharedSite},
		{"https://volundr.test", "*.surfaces.test", ".surfaces.test", SharedSite},
	} {
		surfaces := ""
		if c.surfaces != "" {
			surfaces = ", surfaces: '" + c.surfaces + "'"
		}
		cfg, err := loadPublic(t, someOIDC+fmt.Sprintf("public: {url: '%s', address: '[::]:8443', tls: {cert: tls.crt, key: tls.key}%s}", c.url, surfaces))
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if got := cfg.Public.Suffix(); got != c.suffix || cfg.Public.Apart() != c.apart {
			t.Errorf("%s, %s: surfaces are below %s, apart %d; want %s, %d", c.url, c.surfaces, got, cfg.Public.Apart(), c.suffix, c.apart)
		}
		if !filepath.IsAbs(cfg.Public.TLS.Cert) {
			t.Errorf("certificate %s", cfg.Public.TLS.Cert)
		}
	}
}

func TestTrustedProxiesAreRanges(t *testing.T) {
	cfg, err := loadPublic(t, someOIDC+"public: {url: 'https://volundr.example.com', address: ':80', trusted_proxies: [10.1.2.3/8, 192.0.2.1, '::ffff:198.51.100.0/120', '2001:db8::/32', 'fe80::1']}")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"10.0.0.0/8", "192.0.2.1/32", "198.51.100.0/24", "2001:db8::/32", "fe80::1/128"}
	for i, r := range cfg.Public.Proxies() {
		if r != netip.MustParsePrefix(want[i]) {
			t.Errorf("%s, want %s", r, want[i])
		}
	}
	if len(cfg.Public.Proxies()) != len(want) {
		t.Errorf("%v", cfg.Public.Proxies())
	}
}
