//go:build linux || windows || (darwin && cgo)

package tray

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"fyne.io/systray"

	"volundr/ui/client"
	"volundr/ui/mark"
)

// shown is the tray as it stands on the desktop.
type shown struct {
	Options
	ctx   context.Context
	acts  sync.WaitGroup
	tells teller
	notes *notifier

	status, needs, sessions, start, create, open, login *systray.MenuItem

	mu         sync.Mutex
	cl         *client.Client
	now        look
	drawn      bool
	needSub    menu
	sessionSub menu
}

// run shows the tray until ctx ends or the person quits.
func (o Options) run(ctx context.Context) error {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	if err := o.prepare(quit); err != nil {
		return err
	}
	s := &shown{Options: o, ctx: ctx, notes: newNotifier(o)}
	defer s.notes.close()
	stop := context.AfterFunc(ctx, systray.Quit)
	defer stop()
	s.acts.Add(1)
	systray.Run(func() { defer s.acts.Done(); s.build(quit) }, func() {})
	quit()
	s.acts.Wait()
	return nil
}

// build makes what of the menu is always there; the rest comes as it is known.
func (s *shown) build(quit func()) {
	s.status = systray.AddMenuItem(look{}.words(), "")
	s.status.Disable()
	s.needs = systray.AddMenuItem("Needs you", "")
	s.needs.Hide()
	s.sessions = systray.AddMenuItem("Sessions", "")
	s.sessions.Hide()
	systray.AddSeparator()
	s.create = systray.AddMenuItem("New session…", "")
	s.open = systray.AddMenuItem("Open Volundr", "")
	s.start = systray.AddMenuItem("Start Volundr", "")
	systray.AddSeparator()
	s.login = systray.AddMenuItemCheckbox("Start at login", "", s.AtLogin())
	leave := systray.AddMenuItem("Quit (sessions run on)", "")
	s.needSub, s.sessionSub = menu{parent: s.needs}, menu{parent: s.sessions}
	s.show(look{}, nil)

	s.on(s.create, func() error { return s.Options.open(s.ctx, "/sessions/new") })
	s.on(s.open, func() error { return s.Options.open(s.ctx, "/") })
	s.on(s.start, func() error { return s.Start(s.ctx) })
	s.on(s.login, s.toggleLogin)
	s.on(leave, func() error { quit(); return nil })
	s.acts.Go(func() { s.watch(s.ctx, s.show) })
	for _, after := range []time.Duration{time.Second, 3 * time.Second, 10 * time.Second, time.Minute} {
		s.later(after, s.redraw)
	}
}

// redraw tells the icon again: a panel that was still making its place for it
// when it changed has missed that.
func (s *shown) redraw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	systray.SetIcon(icon(s.now.state()))
}

// on does something for every click on an item. What fails is told.
func (s *shown) on(item *systray.MenuItem, do func() error) {
	s.acts.Go(func() {
		for {
			select {
			case <-s.ctx.Done():
				return
			case _, ok := <-item.ClickedCh:
				if !ok {
					return
				}
			}
			s.acts.Go(func() { // a stop may take minutes
				if err := do(); err != nil && s.ctx.Err() == nil {
					s.Log.Warn("What was clicked could not be done", "error", err)
					s.notes.send(notice{Title: "Volundr", Body: short(err.Error(), maxBody), Path: "/"})
				}
			})
		}
	})
}

func (s *shown) toggleLogin() error {
	if err := s.SetAtLogin(!s.AtLogin()); err != nil {
		return err
	}
	if s.AtLogin() {
		s.login.Check()
	} else {
		s.login.Uncheck()
	}
	return nil
}

// show brings the tray up to what is known.
func (s *shown) show(l look, cl *client.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, first := s.now, !s.drawn
	s.now, s.cl, s.drawn = l, cl, true
	if state := l.state(); first || state != before.state() {
		systray.SetIcon(icon(state))
	}
	if words := l.words(); first || words != before.words() {
		s.status.SetTitle(words)
		systray.SetTooltip(words)
	}
	if first || l.Up != before.Up {
		visible(s.start, !l.Up)
		visible(s.open, l.Up)
		visible(s.create, l.Up)
	}
	s.fill(&s.needSub, needLines(l))
	s.fill(&s.sessionSub, sessionLines(l))
	if l.Up {
		for _, n := range s.tells.due(l.Needs) {
			s.notes.send(n)
		}
		s.notes.keep(l.Needs)
	}
}

func visible(item *systray.MenuItem, yes bool) {
	if yes {
		item.Show()
	} else {
		item.Hide()
	}
}

// menu is a submenu whose lines come and go.
type menu struct {
	parent *systray.MenuItem
	lines  []line
	items  []*systray.MenuItem
}

// settle is how long panels are given to make a submenu before something is put
// into it: libdbusmenu drops what it hears of earlier.
const settle = 700 * time.Millisecond

// fill replaces the lines of a submenu when they are others. The items of before
// are hidden at once and removed later: an item that is removed while it is
// clicked would end the program. A new line is never an old item, so that no
// click does what stands there only since a moment.
func (s *shown) fill(m *menu, lines []line) {
	if reflect.DeepEqual(m.lines, lines) {
		return
	}
	old := m.items
	m.lines, m.items = lines, nil
	for _, i := range old {
		i.Hide()
	}
	for _, l := range lines {
		m.items = append(m.items, s.add(m.parent, l))
	}
	visible(m.parent, len(lines) > 0)
	items := m.items
	s.later(settle, func() {
		for i, l := range lines {
			for _, sub := range l.Sub {
				s.add(items[i], sub)
			}
		}
	})
	s.later(settle+retry, func() {
		for _, i := range old {
			i.Remove()
		}
	})
}

// later does something after a while, if the tray is there then.
func (s *shown) later(after time.Duration, do func()) {
	s.acts.Go(func() {
		select {
		case <-s.ctx.Done():
		case <-time.After(after):
			do()
		}
	})
}

func (s *shown) add(parent *systray.MenuItem, l line) *systray.MenuItem {
	item := parent.AddSubMenuItem(escape(l.Text), "")
	switch {
	case l.Do.Verb != tell:
		s.on(item, func() error {
			s.mu.Lock()
			cl := s.cl
			s.mu.Unlock()
			if err := s.do(s.ctx, cl, l.Do); err != nil {
				return fmt.Errorf("%s: %w", l.Text, err)
			}
			return nil
		})
	case len(l.Sub) == 0:
		item.Disable()
	}
	return item
}

var icons = sync.OnceValue(func() map[mark.State][]byte {
	all := map[mark.State][]byte{}
	for s := mark.Idle; s <= mark.Down; s++ {
		all[s] = drawn(s)
	}
	return all
})

func icon(s mark.State) []byte { return icons()[s] }
