package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"volundr/ui/client"
)

// backend is the daemon's side of live pages, driven by a test.
type backend struct {
	events  chan string // written to the one event stream
	streams chan string // the "after" of every stream that was opened
	hello   chan int64  // of every chat that was opened
	sent    chan client.ChatSend
	frames  chan client.ChatFrame
	posts   chan string
	once    sync.Once
}

func newBackend() *backend {
	return &backend{make(chan string, 16), make(chan string, 16), make(chan int64, 16), make(chan client.ChatSend, 16), make(chan client.ChatFrame, 64), make(chan string, 16), sync.Once{}}
}

func (b *backend) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		b.streams <- r.URL.Query().Get("after")
		for {
			select {
			case <-r.Context().Done():
				return
			case e := <-b.events:
				fmt.Fprint(w, e)
				w.(http.Flusher).Flush()
			}
		}
	})
	mux.HandleFunc("GET /s/{id}/session", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{client.PageProtocol}})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		ctx, cancel := context.WithCancel(r.Context())
		go func() {
			defer cancel()
			for {
				var m client.ChatSend
				if wsjson.Read(ctx, conn, &m) != nil {
					return
				}
				if m.Type == client.FrameHello {
					b.hello <- m.After
				} else {
					b.sent <- m
				}
			}
		}()
		for {
			select {
			case <-ctx.Done():
				return
			case f := <-b.frames:
				if f.Type == "break" {
					return
				}
				if wsjson.Write(ctx, conn, f) != nil {
					return
				}
			}
		}
	})
	mux.HandleFunc("GET /s/{id}/{surface}/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'self'")
		fmt.Fprintf(w, "<title>%s</title>%s", r.PathValue("surface"), r.PathValue("surface"))
	})
	mux.HandleFunc("GET /s/{id}/prompts", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"name":"Second look","content":"Look again.\nSlowly."},{"name":"<i>odd","content":"<b>"}]`)
	})
	mux.HandleFunc("GET /s/{id}/files", func(w http.ResponseWriter, r *http.Request) {
		all := []string{"invoice/round.go", "invoice/round_test.go", "docs/release notes (v2).md", "<img src=x onerror=alert(1)>.txt", "README.md"}
		json.NewEncoder(w).Encode(client.FileMatches{Files: slices.DeleteFunc(all, func(f string) bool { return !strings.Contains(f, r.URL.Query().Get("q")) })})
	})
	mux.HandleFunc("GET /sessions/{id}/loss", func(w http.ResponseWriter, r *http.Request) {
		LossView(sessions()[0], r.URL.Query().Get("act"), confirmPage("delete").Loss).Render(r.Context(), w)
	})
	mux.HandleFunc("POST /sessions/{id}/{act}", func(w http.ResponseWriter, r *http.Request) {
		b.posts <- r.PathValue("act")
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /s/{id}/items", func(w http.ResponseWriter, r *http.Request) {
		items := []Item{{ID: "b-early", Kind: KindText, Text: "the very first words", First: 1, Last: 1}}
		EarlierItems(r.PathValue("id"), Window{Items: items}).Render(r.Context(), w)
	})
}

func (b *backend) item(t *testing.T, n int64, it Item) {
	t.Helper()
	id, html, err := RenderItem(t.Context(), it)
	if err != nil {
		t.Fatal(err)
	}
	b.frames <- client.ChatFrame{Type: client.FrameItem, ID: id, HTML: html, Entry: client.Entry{N: n}}
}

func (b *backend) session(t *testing.T, seq int, s client.Session) {
	t.Helper()
	data, err := SessionEvent(t.Context(), s, now)
	if err != nil {
		t.Fatal(err)
	}
	b.events <- fmt.Sprintf("id: %d\nevent: session\ndata: %s\n\n", seq, data)
}

func wait(t *testing.T, ctx context.Context, js string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Poll[chromedp.Void](js, chromedp.WithPollingInterval(20e6), chromedp.WithPollingTimeout(10e9))); err != nil {
		t.Fatalf("never true: %s (%v)", js, err)
	}
}

func TestDashboardFollowsTheStream(t *testing.T) {
	ctx := browser(t)
	b := newBackend()
	d := dashboard()
	d.Cursor = 40
	srv := site(t, map[string]templ.Component{"d": DashboardPage(d)}, func(mux *http.ServeMux) {
		b.routes(mux)
		mux.HandleFunc("GET /board", func(w http.ResponseWriter, r *http.Request) {
			fresh := session("9", "brand-new", client.Created, "")
			all := sessions()
			all[0].Status, all[0].ActivityState = client.Failed, nil
			Board(NewDashboard(shell(""), listOf(append(all, fresh)...), inbox(), client.Stats{}, nil)).Render(r.Context(), w)
		})
	})
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/d"))
	if after := <-b.streams; after != "40" {
		t.Errorf("the stream began after %s, want 40: what the page shows", after)
	}
	row := "document.getElementById('row-00000000-0000-4000-8000-000000000001')"
	s := sessions()[0]
	s.Status, s.ActivityState = client.Stopping, nil
	b.session(t, 41, s)
	wait(t, ctx, row+".textContent.includes('Stopping')")
	s.Status = client.Stopped
	b.session(t, 41, s) // repeated: older than what the page has
	s.Status = client.Failed
	b.session(t, 42, s)
	wait(t, ctx, row+".textContent.includes('Failed')")
	b.session(t, 43, session("9", "brand-new", client.Created, ""))
	wait(t, ctx, "document.body.textContent.includes('brand-new')")
	b.events <- "event: stats\ndata: " + `{"html":"<footer id=\"stats\">99 running</footer>"}` + "\n\n"
	wait(t, ctx, "document.getElementById('stats').textContent === '99 running'")

	do(t, ctx, chromedp.SendKeys(chromedp.CSS("#q"), "website"))
	wait(t, ctx, "[...document.querySelectorAll('li[data-row]')].filter(r => r.offsetParent).length === 2 && location.search === '?q=website'")
	do(t, ctx, chromedp.KeyEvent("\x1b"), chromedp.KeyEvent("j"), chromedp.KeyEvent("j"))
	wait(t, ctx, "document.activeElement.textContent === 'old-experiment'")
	do(t, ctx, chromedp.KeyEvent("."))
	wait(t, ctx, "document.activeElement.textContent.trim() === 'Start'")
	do(t, ctx, chromedp.KeyEvent("\r"))
	if act := <-b.posts; act != "start" {
		t.Errorf("posted %s, want start", act)
	}
}

// Without SharedWorker a page has its own stream.
func TestDashboardWithoutSharedWorker(t *testing.T) {
	ctx := browser(t)
	b := newBackend()
	srv := site(t, map[string]templ.Component{"d": DashboardPage(dashboard())}, b.routes)
	_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "delete window.SharedWorker"})
	if err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/d"))
	<-b.streams
	s := sessions()[0]
	s.Status = client.Stopped
	b.session(t, 5, s)
	wait(t, ctx, "document.getElementById('row-"+s.ID+"').textContent.includes('Stopped')")
}

// Who presses a template's key twice, before the page has gone, begins one session.
func TestATemplateIsBegunOnce(t *testing.T) {
	ctx := browser(t)
	b := newBackend()
	begun := make(chan string, 4)
	srv := site(t, map[string]templ.Component{"d": DashboardPage(dashboard())}, func(mux *http.ServeMux) {
		b.routes(mux)
		mux.HandleFunc("POST /sessions/begin", func(w http.ResponseWriter, r *http.Request) {
			begun <- r.FormValue("template")
			w.WriteHeader(http.StatusNoContent) // the page stays
		})
	})
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/d"))
	<-b.streams
	do(t, ctx, chromedp.KeyEvent("t"), chromedp.KeyEvent("1"))
	if got, want := <-begun, templates()[0].Name; got != want {
		t.Errorf("%q is begun, want %q", got, want)
	}
	do(t, ctx, chromedp.KeyEvent("1"))
	wait(t, ctx, "!document.querySelector('[data-begin]').open")
	if n := len(begun); n > 0 {
		t.Errorf("%d more are begun", n)
	}
}

func TestDeleteSaysWhatIsLost(t *testing.T) {
	ctx := browser(t)
	b := newBackend()
	srv := site(t, map[string]templ.Component{"s": SessionView(sessionPage(sessions()[0], "chat"))}, b.routes)
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/s"), chromedp.Click(chromedp.CSS(".session-actions [data-confirm=delete]")))
	wait(t, ctx, "document.querySelector('dialog[open] [data-loss]').textContent.includes('3 uncommitted files, 1 unpushed branch')")
	do(t, ctx, chromedp.Click(chromedp.CSS("dialog[open] [data-lesser]")))
	if act := <-b.posts; act != "stop" {
		t.Errorf("posted %s, want stop: the lesser act", act)
	}
}

const atEnd = "(s => s.scrollHeight > s.clientHeight && Math.abs(s.scrollTop) < 2)(document.getElementById('scroll'))"

func TestChatStreams(t *testing.T) {
	ctx := browser(t)
	b := newBackend()
	p := sessionPage(sessions()[1], "chat")
	p.Chat.Before = 7
	srv := site(t, map[string]templ.Component{"s": SessionView(p)}, b.routes)
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/s"))
	if after := <-b.hello; after != p.Chat.Last {
		t.Errorf("hello after %d, want %d: what the page shows", after, p.Chat.Last)
	}
	wait(t, ctx, atEnd)

	// Text grows in place: what stands already is the same node.
	text := Item{ID: "b-new", Kind: KindText, Text: "First paragraph.\n\nSecond", Open: true}
	b.item(t, 100, text)
	wait(t, ctx, "document.querySelector('#b-new p')")
	eval[bool](t, ctx, "window.first = document.querySelector('#b-new p'); true")
	text.Text += " grows."
	b.item(t, 101, text)
	wait(t, ctx, "document.getElementById('b-new').textContent.includes('Second grows.')")
	if !eval[bool](t, ctx, "first === document.querySelector('#b-new p') && "+atEnd) {
		t.Error("the first paragraph was replaced, or the end was lost")
	}

	// A break: the page goes on from the last number, and what was typed
	// meanwhile arrives once.
	b.frames <- client.ChatFrame{Type: "break"}
	if after := <-b.hello; after != 101 {
		t.Errorf("hello again after %d, want 101", after)
	}

	// The question is answered by a key, not while something is typed.
	do(t, ctx, chromedp.SendKeys(chromedp.CSS("#prompt"), "yes, and then"), chromedp.KeyEvent("\r"))
	if m := <-b.sent; m.Type != client.FramePrompt || len(m.Blocks) != 1 || m.Blocks[0].Text != "yes, and then" {
		t.Errorf("sent %+v, want the prompt", m)
	}
	// One that the daemon would not take stays where it was typed.
	do(t, ctx, chromedp.Evaluate[chromedp.Void](`void (document.getElementById('prompt').value = 'x'.repeat(10 << 20))`), chromedp.Evaluate[chromedp.Void](`document.getElementById('composer').requestSubmit()`))
	wait(t, ctx, `document.getElementById('toasts').textContent.includes('larger than 8 MiB')`)
	if !eval[bool](t, ctx, `document.getElementById('prompt').value.length === 10 << 20`) {
		t.Error("a message that is too large is lost")
	}
	do(t, ctx, chromedp.Evaluate[chromedp.Void](`void (document.getElementById('prompt').value = '')`))
	do(t, ctx, chromedp.KeyEvent("\x1b"), chromedp.KeyEvent("y"))
	if m := <-b.sent; m.Type != client.FrameAnswer || m.ID != "q1" || m.Option != "once" {
		t.Errorf("sent %+v, want the answer \"once\" to q1", m)
	}
	do(t, ctx, chromedp.Click(chromedp.CSS("#stop-turn")))
	if m := <-b.sent; m.Type != client.FrameCancel {
		t.Errorf("sent %+v, want cancel", m)
	}

	// A queued message takes its place when its turn begins.
	b.item(t, 102, Item{ID: "p-p3", Kind: KindPrompt, Blocks: []client.Block{{Type: "text", Text: "Then update the changelog."}}, At: now})
	wait(t, ctx, "document.getElementById('p-p3').parentElement.id === 'items' && document.getElementById('items').lastElementChild.id === 'p-p3'")

	// Who reads above is not moved by what comes below, and is told of it.
	const top = "document.getElementById('b-b2').getBoundingClientRect().top"
	eval[bool](t, ctx, "document.getElementById('scroll').scrollTop = -300; true")
	wait(t, ctx, "document.getElementById('scroll').scrollTop === -300")
	before := eval[float64](t, ctx, top)
	b.item(t, 103, Item{ID: "b-last", Kind: KindText, Text: strings.Repeat("More.\n\n", 20)})
	wait(t, ctx, "document.getElementById('b-last') && !document.getElementById('to-end').hidden")
	if after := eval[float64](t, ctx, top); after != before {
		t.Errorf("the reader was moved by %v pixels", after-before)
	}
	do(t, ctx, chromedp.Click(chromedp.CSS("#to-end")))
	wait(t, ctx, atEnd)

	eval[bool](t, ctx, "document.getElementById('scroll').scrollTop = -1e6; true")
	wait(t, ctx, "document.getElementById('items').firstElementChild.id === 'b-early' && !document.getElementById('earlier')")
}

func TestPanesKeepTheirFrames(t *testing.T) {
	ctx := browser(t)
	b := newBackend()
	srv := site(t, map[string]templ.Component{"s": SessionView(sessionPage(sessions()[0], "chat"))}, b.routes)
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/s"))
	<-b.streams
	if n := eval[int](t, ctx, "document.querySelectorAll('iframe').length"); n != 0 {
		t.Errorf("%d frames before one was looked at", n)
	}
	do(t, ctx, chromedp.KeyEvent("2"))
	wait(t, ctx, "location.pathname.endsWith('/editor') && document.querySelector('#pane-editor iframe')")
	eval[bool](t, ctx, "window.kept = document.querySelector('#pane-editor iframe').contentWindow; true")
	do(t, ctx, chromedp.KeyEvent("3"), chromedp.Evaluate[chromedp.Void]("history.back()"))
	wait(t, ctx, "!document.getElementById('pane-editor').hidden && document.getElementById('pane-terminal').hidden")
	if !eval[bool](t, ctx, "kept === document.querySelector('#pane-editor iframe').contentWindow") {
		t.Error("the editor's frame was made anew")
	}
	if sb := eval[string](t, ctx, "document.querySelector('#pane-editor iframe').getAttribute('sandbox')"); strings.Contains(sb, "top-navigation") {
		t.Errorf("sandbox is %q: a frame may navigate the page away", sb)
	}
	s := sessions()[0]
	s.Status = client.Stopped
	b.session(t, 1, s)
	wait(t, ctx, "!document.querySelector('iframe') && document.getElementById('composer').hidden && document.querySelector('#pane-editor [data-when=start]').offsetParent")
}
