package tray

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"volundr/ui/client"
)

// The tray under test is this test's executable run again: systray lives once in
// a process. What it stands on comes by the environment.
func TestMain(m *testing.M) {
	url := os.Getenv("VOLUNDR_TEST_TRAY")
	if url == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	tell := func(what string) error {
		res, err := http.Post(url+"/did", "text/plain", strings.NewReader(what))
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	login := false
	err := Run(ctx, Options{
		Connect: func(ctx context.Context) (*client.Client, error) {
			cl := client.New(url, "token")
			_, err := cl.Me(ctx)
			return cl, err
		},
		Start:   func(context.Context) error { return tell("start the daemon") },
		Browse:  func(url string) error { return tell("browse " + url) },
		AtLogin: func() bool { return login }, SetAtLogin: func(yes bool) error { login = yes; return tell(fmt.Sprint("at login ", yes)) },
		Lock: os.Getenv("VOLUNDR_TEST_LOCK"), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}, Launch{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// daemon is the API as far as the tray asks for it.
type daemon struct {
	t   *testing.T
	srv *httptest.Server

	mu       sync.Mutex
	down     bool
	sessions []client.Session
	needs    []client.Need
	did      []string
	news     chan struct{} // closed and replaced when something changes
}

func newDaemon(t *testing.T) *daemon {
	d := &daemon{t: t, news: make(chan struct{})}
	mux := http.NewServeMux()
	answer := func(give func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			d.mu.Lock()
			v, down := give(), d.down
			raw, err := json.Marshal(v)
			d.mu.Unlock()
			if down || err != nil {
				http.Error(w, `{"detail":"down"}`, http.StatusServiceUnavailable)
				return
			}
			w.Write(raw)
		}
	}
	act := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d.change(func() { d.did = append(d.did, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body))) })
		w.Write([]byte("{}"))
	}
	mux.HandleFunc("GET "+client.Base+"/me", answer(func() any { return client.Me{} }))
	mux.HandleFunc("GET "+client.Base+"/sessions", answer(func() any { return d.sessions }))
	mux.HandleFunc("GET "+client.Base+"/inbox", answer(func() any { return d.needs }))
	mux.HandleFunc("POST "+client.Base+"/login-links", answer(func() any { return map[string]string{"url": "http://volundr-x.localhost/login/code"} }))
	mux.HandleFunc("POST "+client.Base+"/sessions/{id}/{act}", act)
	mux.HandleFunc("POST /did", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d.change(func() { d.did = append(d.did, string(body)) })
	})
	mux.HandleFunc("GET "+client.Base+"/sessions/stream", d.stream)
	d.srv = httptest.NewServer(mux)
	t.Cleanup(func() { d.srv.CloseClientConnections(); d.srv.Close() })
	return d
}

func (d *daemon) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for n := 1; ; n++ {
		d.mu.Lock()
		news, down := d.news, d.down
		d.mu.Unlock()
		if down {
			return
		}
		fmt.Fprintf(w, "id: %d\nevent: session_updated\ndata: {}\n\n", n)
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-news:
		case <-r.Context().Done():
			return
		}
	}
}

// change changes what the daemon knows, and tells.
func (d *daemon) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	close(d.news)
	d.news = make(chan struct{})
}

func (d *daemon) done() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.did, "\n")
}

// desk is a desktop: a display, a bus, a panel that shows tray icons and a
// notification daemon, all real.
type desk struct {
	t   *testing.T
	dir string
	env []string
	bus *dbus.Conn
}

// newDesk starts one, or skips the test where the programs are not there.
func newDesk(t *testing.T) *desk {
	t.Helper()
	for _, p := range []string{"Xvfb", "dbus-daemon", "xfce4-panel", "dunst", "import"} {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("VOLUNDR_REQUIRE_DESKTOP") == "1" {
				t.Fatalf("no %s on this machine", p)
			}
			t.Skipf("no %s on this machine: the tray is not looked at", p)
		}
	}
	dir, err := os.MkdirTemp("", "desk") // short: sockets live in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	k := &desk{t: t, dir: dir}
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); !strings.HasPrefix(name, "XDG_") && name != "HOME" && name != "DBUS_SESSION_BUS_ADDRESS" && name != "DISPLAY" && name != "WAYLAND_DISPLAY" {
			k.env = append(k.env, e)
		}
	}
	run := filepath.Join(dir, "run")
	panel := filepath.Join(dir, ".config", "xfce4", "xfconf", "xfce-perchannel-xml", "xfce4-panel.xml")
	if err := os.MkdirAll(filepath.Dir(panel), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(panel, []byte(panelXML), 0o600); err != nil {
		t.Fatal(err)
	}
	k.env = append(k.env, "HOME="+dir, "XDG_RUNTIME_DIR="+run, "LC_ALL=C.UTF-8", "NO_AT_BRIDGE=1", "GTK_A11Y=none", "GSETTINGS_BACKEND=memory")

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	k.start([]*os.File{w}, "Xvfb", "-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp")
	w.Close()
	k.env = append(k.env, "DISPLAY=:"+k.line(r))
	if r, w, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	k.start([]*os.File{w}, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", "--print-address=3", "--address=unix:path="+filepath.Join(dir, "bus"))
	w.Close()
	address := k.line(r)
	k.env = append(k.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	if k.bus, err = dbus.Connect(address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.bus.Close() })
	k.start(nil, "dunst")
	k.start(nil, "xfce4-panel", "--disable-wm-check")
	k.until("a panel with a place for tray icons, and a notification daemon", func() bool {
		return k.owned("org.kde.StatusNotifierWatcher") && k.owned("org.freedesktop.Notifications")
	})
	return k
}

// panelXML is a panel at the top with nothing but tray icons.
const panelXML = `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray"><property name="square-icons" type="bool" value="true"/></property>
  </property>
</channel>
`

// line reads the first line that a program tells on a pipe.
func (k *desk) line(r *os.File) string {
	k.t.Helper()
	defer r.Close()
	r.SetReadDeadline(time.Now().Add(60 * time.Second))
	var text strings.Builder
	for b := make([]byte, 1); ; {
		if _, err := r.Read(b); err != nil {
			k.t.Fatalf("a program of the desktop did not start: %v", err)
		}
		if b[0] == '\n' {
			return text.String()
		}
		text.Write(b)
	}
}

// start runs a program until the test ends. Its output is the test's.
func (k *desk) start(files []*os.File, name string, args ...string) *exec.Cmd {
	k.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir, cmd.ExtraFiles = k.env, k.dir, files
	out, err := os.Create(filepath.Join(k.dir, filepath.Base(name)+".log"))
	if err != nil {
		k.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		if k.t.Failed() {
			said, _ := os.ReadFile(out.Name())
			k.t.Logf("%s said:\n%s", name, said)
		}
	})
	return cmd
}

func (k *desk) owned(name string) (yes bool) {
	return k.bus.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, name).Store(&yes) == nil && yes
}

// until polls a condition.
func (k *desk) until(what string, ok func() bool) {
	k.t.Helper()
	end := time.After(60 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			k.t.Fatalf("not within 60 s: %s", what)
		case <-tick.C:
		}
	}
}
