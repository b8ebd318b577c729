package ui

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// console is what pages of a browser complain of: errors in their scripts,
// what they say by console.error, and what the policy of the origin refused.
// Failed requests are left out, for the pages here have no daemon behind them.
type console struct {
	mu   sync.Mutex
	said []string
}

func listen(t *testing.T, ctx context.Context) *console {
	t.Helper()
	c := &console{}
	if err := chromedp.Listen(ctx, c.hear); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *console) hear(ev any) {
	line := ""
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		line = e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			line += " " + x.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeError && e.Type != runtime.ConsoleAPICalledTypeAssert {
			return
		}
		line = "console." + string(e.Type)
		for _, a := range e.Args {
			line += fmt.Sprintf(" %s%s", a.Value, a.Description)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError || e.Entry.Source == log.EntrySourceNetwork {
			return
		}
		line = fmt.Sprintf("%s: %s", e.Entry.Source, e.Entry.Text)
	default:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, line)
}

// take gives what was said since the last time.
func (c *console) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.said = nil }()
	return slices.Clone(c.said)
}

func TestTheConsoleIsHeard(t *testing.T) {
	ctx := browser(t)
	c := listen(t, ctx)
	srv := site(t, map[string]templ.Component{
		"quiet":  templ.Raw("<!doctype html><title>quiet</title>"),
		"inline": templ.Raw("<!doctype html><title>inline</title><script>window.ran = true</script>"),
		"styled": templ.Raw("<!doctype html><title>styled</title><p style='color: red'>x</p>"),
		"image":  templ.Raw("<!doctype html><title>image</title><img src='http://127.0.0.1:1/x.png' alt=''>"),
	}, nil)
	for _, page := range []string{"inline", "styled", "image"} {
		do(t, ctx, chromedp.Navigate(srv.URL+"/page/"+page))
		if len(c.take()) == 0 {
			t.Errorf("%s: nothing was heard of what the policy refused", page)
		}
	}
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/quiet"))
	if said := c.take(); len(said) > 0 {
		t.Errorf("a quiet page: %q", said)
	}
	eval[bool](t, ctx, `console.error("a", 1); true`)
	if said := c.take(); len(said) == 0 {
		t.Error("console.error was not heard")
	}
}
