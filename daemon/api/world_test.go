package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/daemon/auth"
	"volundr/daemon/engine"
	"volundr/daemon/link"
	"volundr/runtime"
	"volundr/runtime/fake"
	"volundr/store"
	"volundr/ui/client"
)

// world is a daemon's face on a store of its own and a runtime in memory. Its
// engine does nothing until drive.
type world struct {
	t      *testing.T
	db     *store.DB
	rt     *fake.Runtime
	engine *engine.Engine
	links  *link.Links
	auth   *auth.Auth
	client *client.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(filepath.Join(dir, "volundr.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	a, err := auth.New(t.Context(), auth.Options{DB: db, Dir: dir, Listen: l.Addr().String(), LoginPage: LoginPage(), Public: Public, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, rt: fake.New(fake.Options{Report: t.Errorf}), auth: a}
	runtimes := map[string]runtime.Runtime{"fake": w.rt}
	w.links = link.New(link.Options{DB: db, Runtime: func(name string) runtime.Runtime { return runtimes[name] }, Log: log})
	w.engine = engine.New(engine.Options{DB: db, Runtimes: runtimes, Log: log})
	stopping, stop := context.WithCancel(context.Background())
	srv := httptest.NewUnstartedServer(New(Options{
		DB: db, Engine: w.engine, Links: w.links, Auth: a, Runtimes: runtimes, Default: "fake",
		Status: func(context.Context) client.Status {
			return client.Status{Version: "test", Runtime: "fake", Image: client.ImageStatus{State: "ready"}, Trouble: Trouble(w.engine.Trouble())}
		},
		Stopping: stopping, Now: time.Now, Log: log,
	}))
	srv.Listener.Close()
	srv.Listener = l
	srv.Start()
	t.Cleanup(func() { stop(); srv.Close() })
	w.client = client.New(a.ProgramOrigin(), strings.TrimSpace(string(token)))
	return w
}

// drive has the engine work until the end of the test.
func (w *world) drive() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.engine.Run(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
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
