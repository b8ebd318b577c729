package api

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/zalando/go-keyring"

	"volundr/daemon/auth"
	"volundr/daemon/chronicle"
	"volundr/daemon/engine"
	"volundr/daemon/forge"
	"volundr/daemon/launch"
	"volundr/daemon/link"
	"volundr/daemon/sandbox"
	"volundr/daemon/source"
	"volundr/daemon/template"
	"volundr/daemon/vault"
	"volundr/runtime"
	"volundr/runtime/broker/sandbox/sandboxtest"
	"volundr/runtime/broker/wire"
	"volundr/runtime/fake"
	"volundr/store"
	"volundr/store/storetest"
	"volundr/ui/client"
)

// world is a daemon's face on a store of its own and a runtime in memory. Its
// engine does nothing until drive.
type world struct {
	t       *testing.T
	dir     string
	db      *store.DB
	rt      *fake.Runtime
	engine  *engine.Engine
	links   *link.Links
	auth    *auth.Auth
	client  *client.Client
	sources *source.Sources
	vault   *vault.Vault
	ring    *ring

	boxes     *boxes
	sandboxes *sandbox.Sandboxes

	options Options // of New
	handler *atomic.Pointer[http.Handler]

	kept chan map[string]int // sessions to be connected to, by run
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(storetest.New(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	a, err := auth.New(t.Context(), auth.Options{DB: db, Dir: dir, Listen: l.Addr().String(), LoginPage: LoginPage(""), Open: Public, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, db: db, rt: fake.New(fake.Options{Report: t.Errorf}), auth: a, ring: &ring{}, handler: &atomic.Pointer[http.Handler]{}, kept: make(chan map[string]int, 1)}
	runtimes := map[string]runtime.Runtime{"fake": w.rt}
	w.links = link.New(link.Options{DB: db, Runtime: func(name string) runtime.Runtime { return runtimes[name] }, Log: log})
	w.sources, err = source.New(source.Options{Dir: filepath.Join(dir, "mirrors"), DB: db, Session: link.SessionFrom,
		Folders: source.Folders{Enabled: true, Prefixes: []string{dir}}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	w.vault = newVault(w)
	launcher := launch.New(launch.Options{PublicKey: make(ed25519.PublicKey, ed25519.PublicKeySize), Source: w.sources, Vault: w.vault,
		Session: link.SessionFrom, DB: db, Log: log})
	chronicles := chronicle.New(chronicle.Options{DB: db, Log: log,
		Redact: func(store.Principal) func(string) string {
			return func(text string) string { return strings.ReplaceAll(text, "s3cr3t-v4lue", "[redacted]") }
		}})
	db.Tell(chronicles.Own)
	db.Measure(launch.Need)
	w.engine = engine.New(engine.Options{DB: db, Runtimes: runtimes, Spec: launcher.Spec, Keep: w.keep, Health: w.health,
		Opened: chronicles.Opened, Completed: chronicles.Completed, Log: log})
	w.boxes = &boxes{w: w, all: map[string]*sandboxtest.Sandbox{}}
	w.sandboxes, err = sandbox.New(w.boxes.options(log))
	if err != nil {
		t.Fatal(err)
	}
	stopping, stop := context.WithCancel(context.Background())
	w.options = Options{
		Sandboxes: w.sandboxes, Sandbox: w.boxes.choice(),
		DB: db, Engine: w.engine, Links: w.links, Launch: launcher, Sources: w.sources, Vault: w.vault, Forges: forge.New(forge.Options{Vault: w.vault}),
		Auth: a, Chronicles: chronicles, Templates: template.New(dir), Runtimes: runtimes, Default: "fake",
		Models:     []client.Model{{ID: "m1", Name: "M", Provider: "cloud", Tier: "balanced", Color: "#000000"}},
		Doctor:     func(context.Context) []client.Finding { return []client.Finding{{Name: "Docker engine", Status: "ok"}} },
		RetryImage: func() {}, Shutdown: stop,
		Status: func(context.Context) client.Status {
			return client.Status{Version: "test", Runtime: "fake", TokenFile: "/data/token", Image: client.ImageStatus{State: "ready"}, Trouble: Trouble(w.engine.Trouble())}
		},
		Stopping: stopping, Ending: new(sync.WaitGroup), Now: time.Now, Log: log,
	}
	w.serve()
	var asked sync.WaitGroup // sockets too, which a server that closes does not wait for
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		defer asked.Done()
		(*w.handler.Load()).ServeHTTP(rw, r)
	}))
	srv.Listener.Close()
	srv.Listener = l
	srv.Start()
	t.Cleanup(func() { stop(); srv.Close(); asked.Wait() })
	w.client = client.New(a.ProgramOrigin(), strings.TrimSpace(string(token)))
	return w
}

// serve answers from now on by the options as they are.
func (w *world) serve() {
	h := New(w.options)
	w.handler.Store(&h)
}

// newVault is a vault that has looked for no key yet.
func newVault(w *world) *vault.Vault {
	return vault.New(vault.Options{DB: w.db, Dir: filepath.Join(w.dir, "keys"), Installation: "test", Keyring: w.ring, Env: func(string) string { return "" },
		Log: slog.New(slog.NewTextHandler(w.t.Output(), nil))})
}

// drive has the engine work until the end of the test.
func (w *world) drive() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.engine.Run(ctx) }()
	ready := make(chan struct{})
	go func() { // plays the link: whoever is kept answers
		defer close(ready)
		for {
			select {
			case <-ctx.Done():
				return
			case runs := <-w.kept:
				for id, run := range runs {
					_ = w.db.SetReady(ctx, id, run, time.Now())
				}
				w.engine.Poke()
			}
		}
	}()
	w.t.Cleanup(func() { cancel(); <-done; <-ready })
}

func (w *world) keep(runs map[string]int) {
	select {
	case <-w.kept: // only the last counts
	default:
	}
	w.kept <- maps.Clone(runs)
}

func (w *world) health(string) (wire.Health, bool) {
	return wire.Health{Agent: true, Editor: true, Terminal: true}, true
}

// ring is a keyring that can be locked.
type ring struct {
	mu      sync.Mutex
	secrets map[string]string
	locked  bool
}

func (r *ring) lock() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.locked = true
}

func (r *ring) Get(service, user string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.locked {
		return "", errors.New("the collection is locked")
	}
	secret, ok := r.secrets[service+"/"+user]
	if !ok {
		return "", keyring.ErrNotFound
	}
	return secret, nil
}

func (r *ring) Set(service, user, secret string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = map[string]string{service + "/" + user: secret}
	return nil
}

// created makes a session of the laptop's owner of which nothing is wanted yet.
func (w *world) created(name string) store.Session {
	w.t.Helper()
	s, err := w.db.CreateSession(w.t.Context(), store.Session{Name: name, OwnerID: auth.Local.UserID, TenantID: auth.Local.TenantID,
		Runtime: "fake", Request: json.RawMessage(`{"agent":"claude","source":{"type":"git"}}`)})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// session makes one that the store holds for running.
func (w *world) session(name string) store.Session {
	w.t.Helper()
	s := w.created(name)
	n := s
	n.Run, n.State, n.ReadyAt = 1, store.Running, time.Now()
	s, err := w.db.Conclude(w.t.Context(), s, n)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// get reads a route as a program.
func (w *world) get(path string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", w.auth.ProgramOrigin()+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.client.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// browser starts a Chromium that is logged in.
func (w *world) browser(flags ...chromedp.ExecAllocatorOption) context.Context {
	w.t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("VOLUNDR_REQUIRE_BROWSERS") == "1" {
			w.t.Fatal("no Chromium on this machine")
		}
		w.t.Skip("no Chromium on this machine: pages are not looked at")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.UserDataDir(w.t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, cancel := chromedp.NewExecAllocator(w.t.Context(), append(options, flags...)...)
	w.t.Cleanup(cancel)
	ctx, end := chromedp.NewContext(ctx)
	w.t.Cleanup(end)
	login, err := w.auth.LoginLink(w.t.Context(), auth.Local)
	if err != nil {
		w.t.Fatal(err)
	}
	w.do(ctx, chromedp.Navigate(login))
	return ctx
}

func (w *world) do(ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		w.t.Fatal(err)
	}
}

// until waits until the page says so; it may load anew meanwhile.
func (w *world) until(ctx context.Context, js string) {
	w.t.Helper()
	end := time.After(30 * time.Second) // a machine may be busy
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		if yes && err == nil {
			return
		}
		select {
		case <-end:
			text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText.slice(0, 2000)"))
			w.t.Fatalf("never true: %s (%v)\n%s", js, err, text)
		case <-tick.C:
		}
	}
}
