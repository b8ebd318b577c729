//go:build linux

package auth_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"volundr/daemon/auth"
)

// browsers are started with one URL; the pages do the rest.
var browsers = map[string]func(profile, url string) *exec.Cmd{
	"chromium": func(profile, url string) *exec.Cmd {
		return exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
			"--user-data-dir="+profile, url)
	},
	"firefox-esr": func(profile, url string) *exec.Cmd {
		os.WriteFile(filepath.Join(profile, "user.js"), []byte(strings.Join([]string{
			`user_pref("browser.shell.checkDefaultBrowser", false);`,
			`user_pref("browser.aboutwelcome.enabled", false);`,
			`user_pref("datareporting.policy.dataSubmissionEnabled", false);`,
			`user_pref("toolkit.telemetry.enabled", false);`,
			`user_pref("app.update.enabled", false);`,
			`user_pref("network.captive-portal-service.enabled", false);`,
			`user_pref("network.connectivity-service.enabled", false);`,
			`user_pref("extensions.update.enabled", false);`,
			`user_pref("services.settings.server", "data:,");`,
			`user_pref("browser.safebrowsing.downloads.remote.enabled", false);`,
		}, "\n")), 0o600)
		return exec.Command("firefox-esr", "--headless", "--no-remote", "--profile", profile, url)
	},
}

// TestInRealBrowsers sends each browser through two daemons, a hostile page in
// a session and a hostile server on another port of localhost, and looks at
// what arrived.
func TestInRealBrowsers(t *testing.T) {
	if testing.Short() {
		t.Skip("browsers are slow to start")
	}
	for name, command := range browsers {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(name); err != nil {
				if os.Getenv("VOLUNDR_REQUIRE_BROWSERS") == "1" {
					t.Fatalf("no %s on this machine", name)
				}
				t.Skipf("no %s on this machine", name)
			}
			w := newWorld(t, nil)
			link, err := w.two.auth.LoginLink(t.Context(), auth.Local)
			if err != nil {
				t.Fatal(err)
			}
			browse(t, command, link, w)
			w.judge(t)
		})
	}
}

// TestInARealBrowserAtAPublicAddress does the same over TLS and under public names, where one
// daemon's surfaces, its UI and the hostile server are of one site.
func TestInARealBrowserAtAPublicAddress(t *testing.T) {
	if testing.Short() {
		t.Skip("browsers are slow to start")
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		if os.Getenv("VOLUNDR_REQUIRE_BROWSERS") == "1" {
			t.Fatal("no chromium on this machine")
		}
		t.Skip("no chromium on this machine")
	}
	public := newPKI(t)
	w := newWorld(t, public)
	link, err := w.two.auth.LoginLink(t.Context(), auth.Local)
	if err != nil {
		t.Fatal(err)
	}
	browse(t, func(profile, url string) *exec.Cmd {
		cmd := browsers["chromium"](profile, url)
		cmd.Args = append(cmd.Args[:len(cmd.Args)-1], "--host-resolver-rules=MAP *.test 127.0.0.1", "--ignore-certificate-errors-spki-list="+public.spki, url)
		return cmd
	}, link, w)
	w.judge(t)
}

// browse runs a browser until its pages are through.
func browse(t *testing.T, command func(profile, url string) *exec.Cmd, url string, w *world) {
	t.Helper()
	profile, err := os.MkdirTemp("", "volundr-browser-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(profile, url)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	// The browser ends with the thread that started it, however that ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Env = append(os.Environ(), "HOME="+profile, "MOZ_HEADLESS=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-w.done:
	case err := <-ended:
		ended <- err
		t.Errorf("the browser ended: %v\n%s", err, output.String())
	case <-time.After(90 * time.Second):
		t.Error("the pages did not get through")
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-ended
	os.RemoveAll(profile) // helpers may still be dying in it
}

// judge holds what happened against what may happen.
func (w *world) judge(t *testing.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, v := range w.reports {
		t.Logf("%s: %v", name, v)
	}
	t.Logf("knocked: %v", w.knocked)
	t.Logf("origins: %v", w.origins)

	for _, b := range w.broken {
		t.Errorf("an attack came through: %s", b)
	}
	expect := func(report, key, want string) {
		t.Helper()
		if got := w.reports[report][key]; got != want {
			t.Errorf("%s: %s is %v, want %s", report, key, got, want)
		}
	}
	// Our own pages work, logged in to two daemons at once to the end.
	expect("first", "who", "local")
	expect("control", "who", "local")
	expect("control", "post", "changed")
	expect("control", "socket", "echo hi")
	expect("last", "who", "local")
	expect("last of two", "who", "local")
	for how, origin := range w.origins {
		if origin != w.one.origin {
			t.Errorf("our own %s says origin %q", how, origin)
		}
	}
	if len(w.origins) != 2 {
		t.Errorf("origins of %v", w.origins)
	}
	// The surface works in its frame, frames of its own included.
	expect("surface", "own", "own")
	expect("surface", "post", "own")
	expect("surface", "socket", "echo hi")
	expect("surface", "worker", "registered")
	expect("surface", "before", "")
	if w.reports["nested"] == nil {
		t.Error("a frame inside the surface was refused")
	}
	// Attacks were really made, were refused for where they came from (not
	// only for want of a cookie, which some browsers do send), and read nothing.
	for _, from := range []string{"surface", "surface-program", "evil", "evil-program"} {
		for _, how := range []string{"fetch", "nocors", "post", "preflight", "noreferrer", "beacon", "image", "script", "frame", "form", "sandbox", "socket"} {
			want := http.StatusForbidden
			if w.public != nil && strings.HasSuffix(from, "-program") { // no such name there
				want = http.StatusMisdirectedRequest
			}
			if got := w.knocked[from+" "+how]; got != want {
				t.Errorf("%s by %s: status %d, want %d", from, how, got, want)
			}
		}
	}
	for _, report := range []string{"surface", "evil"} {
		for _, part := range []string{"attack", "program"} {
			results, _ := w.reports[report][part].(map[string]any)
			if len(results) != 12 {
				t.Errorf("%s %s: %d attacks made", report, part, len(results))
			}
			for how, got := range results {
				if got == "open" || strings.Contains(got.(string), "SECRET") {
					t.Errorf("%s %s by %s: %v", report, part, how, got)
				}
			}
		}
	}
	// Another server that learnt a surface's address cannot use it.
	expect("evil", "read", "blocked")
	expect("evil", "socket", "refused")
	if w.framed {
		t.Error("another server framed a surface")
	}
	// Nobody else gets our cookies.
	for who, headers := range w.cookies {
		if len(headers) == 0 {
			t.Errorf("%s was never asked", who)
		}
		for _, h := range headers {
			if strings.Contains(h, "volundr") || strings.Contains(h, "tossed") {
				t.Errorf("%s got cookies %q", who, h)
			}
		}
	}
}
