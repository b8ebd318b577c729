package tray

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"volundr/ui/client"
)

// item is a line of the tray's menu as the panel gets it.
type item struct {
	ID   int32
	Text string
	On   bool // it can be clicked
	Tick bool
	Sub  []item
}

type layout struct {
	ID    int32
	Props map[string]dbus.Variant
	Subs  []dbus.Variant
}

// menu asks the tray for its menu, as the panel does. Hidden lines are left out.
func (k *desk) menu(name string) []item {
	var revision uint32
	var root layout
	err := k.bus.Object(name, "/StatusNotifierItem/menu").Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root)
	if err != nil {
		k.t.Fatal(err)
	}
	return itemsOf(k.t, root)
}

func itemsOf(t *testing.T, l layout) (out []item) {
	for _, v := range l.Subs {
		var sub layout
		if err := dbus.Store([]any{v.Value()}, &sub); err != nil {
			t.Fatal(err)
		}
		var i item
		i.ID, i.On = sub.ID, true
		if p, ok := sub.Props["label"]; ok {
			i.Text, _ = p.Value().(string)
		}
		if p, ok := sub.Props["enabled"]; ok {
			i.On, _ = p.Value().(bool)
		}
		if p, ok := sub.Props["toggle-state"]; ok {
			i.Tick = fmt.Sprint(p.Value()) == "1"
		}
		if p, ok := sub.Props["visible"]; ok && p.Value() == false || i.Text == "" {
			continue
		}
		i.Sub = itemsOf(t, sub)
		out = append(out, i)
	}
	return out
}

// outline writes a menu down, a line each.
func outline(items []item, indent string) string {
	var out strings.Builder
	for _, i := range items {
		mark := ""
		if !i.On {
			mark = " (off)"
		}
		if i.Tick {
			mark += " (ticked)"
		}
		out.WriteString(indent + i.Text + mark + "\n" + outline(i.Sub, indent+"  "))
	}
	return out.String()
}

// click clicks a line, named by the texts on the way to it.
func (k *desk) click(name string, way ...string) {
	k.t.Helper()
	var id int32
	k.until("the line "+strings.Join(way, " › "), func() bool {
		at := k.menu(name)
		for i, text := range way {
			found := false
			for _, l := range at {
				if strings.HasPrefix(l.Text, text) && (l.On || i < len(way)-1) {
					id, at, found = l.ID, l.Sub, true
					break
				}
			}
			if !found {
				return false
			}
		}
		return true
	})
	err := k.bus.Object(name, "/StatusNotifierItem/menu").Call("com.canonical.dbusmenu.Event", 0, id, "clicked", dbus.MakeVariant(""), uint32(0)).Err
	if err != nil {
		k.t.Fatal(err)
	}
}

// shoot looks at the screen.
func (k *desk) shoot() image.Image {
	k.t.Helper()
	cmd := exec.Command("import", "-silent", "-window", "root", "png:-")
	cmd.Env = k.env
	raw, err := cmd.Output()
	if err != nil {
		k.t.Fatalf("look at the screen: %v", err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		k.t.Fatal(err)
	}
	return img
}

// has reports whether the panel shows something in about this colour.
func has(img image.Image, r, g, b int) bool {
	n := 0
	for y := 0; y < 40; y++ {
		for x := 0; x < img.Bounds().Dx(); x++ {
			cr, cg, cb, _ := img.At(x, y).RGBA()
			if near(int(cr>>8), r) && near(int(cg>>8), g) && near(int(cb>>8), b) {
				n++
			}
		}
	}
	return n >= 12
}

func near(a, b int) bool { return a-b < 24 && b-a < 24 }

// said is what dunst has shown and shows no more, sorted.
func (k *desk) said() string {
	k.t.Helper()
	var all []map[string]dbus.Variant
	if err := k.bus.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").Call("org.dunstproject.cmd0.NotificationListHistory", 0).Store(&all); err != nil {
		k.t.Fatal(err)
	}
	var out []string
	for _, n := range all {
		out = append(out, fmt.Sprintf("%v | %v", n["summary"].Value(), n["body"].Value()))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func session(id, name, status, activity string) client.Session {
	s := client.Session{ID: id, Name: name, Status: status, CreatedAt: time.Unix(0, 0)}
	if activity != "" {
		s.ActivityState = &activity
	}
	return s
}

func ask(id, name, text, detail string) client.Need {
	return client.Need{ID: "ask:" + id, Kind: client.NeedPermission, SessionID: "s1", Session: name, Question: id, Text: text, Detail: detail,
		Options: []client.Option{{ID: "yes", Name: "Allow", Kind: "allow_once"}, {ID: "no", Name: "Deny", Kind: "reject_once"}}}
}

// The tray on a real desktop: the panel shows the icon of every state, clicks in
// the menu act, and each event is told once, by a real notification daemon.
func TestTheTrayOnADesktop(t *testing.T) {
	k, d := newDesk(t), newDaemon(t)
	d.sessions = []client.Session{session("s1", "fix_login", client.Running, client.Idle), session("s2", "docs", client.Stopped, "")}
	d.needs = []client.Need{{ID: "failure:old", Kind: client.NeedFailure, SessionID: "s9", Session: "old", Text: "It ended."}}
	// Under the race detector systray is told to race with itself, over the bytes
	// of an icon and the number of a menu: only what is not its own counts.
	k.env = append(k.env, "GORACE=exitcode=0", "VOLUNDR_TEST_TRAY="+d.srv.URL, "VOLUNDR_TEST_LOCK="+filepath.Join(k.dir, "tray.lock"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tray := k.start(nil, self)
	name := fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", tray.Process.Pid)
	k.until("the tray's icon", func() bool { return k.owned(name) })
	is := func(want string) {
		t.Helper()
		got := ""
		k.until("the menu\n"+want, func() bool { got = outline(k.menu(name), ""); return got == want })
	}
	foot := "New session…\nOpen Volundr\nStart at login\nQuit (sessions run on)\n"
	open, stop := "    Open\n", "    Stop\n"
	is("1 thing needs you (off)\nNeeds you\n  old: failed: It ended.\n    Open\n    Start again\nSessions\n  fix__login · running\n" + open + stop + "  docs · stopped\n" + open + "    Start\n" + foot)
	k.until("an amber icon in the panel", func() bool { return has(k.shoot(), 0xff, 0xb0, 0x20) })
	shot(t, k, "needs")

	d.change(func() { d.needs = nil })
	is("Volundr is idle (off)\nSessions\n  fix__login · running\n" + open + stop + "  docs · stopped\n" + open + "    Start\n" + foot)
	k.until("a blue icon in the panel", func() bool {
		img := k.shoot()
		return has(img, 0x24, 0x56, 0xc7) && !has(img, 0xff, 0xb0, 0x20)
	})
	d.change(func() {
		d.sessions = []client.Session{session("s1", "fix_login", client.Running, client.ToolExecuting)}
	})
	is("1 working (off)\nSessions\n  fix__login · working\n" + open + stop + foot)
	k.until("a green disc in the panel", func() bool { return has(k.shoot(), 0x2e, 0xb8, 0x5c) })

	d.change(func() {
		d.needs = []client.Need{ask("q1", "fix_login", "running `make <b>deploy</b>`", "cwd: /workspace"), ask("q2", "fix_login", "running `sh`", strings.Repeat("x\n", 20))}
	})
	is("2 things need you, 1 working (off)\nNeeds you\n  fix__login: asks: running `make <b>deploy</b>`\n    cwd: /workspace (off)\n    Allow\n    Deny\n    Open\n" +
		"  fix__login: asks: running `sh`\n" + strings.Repeat("    x (off)\n", mostDetail) + "    There is more: open it to allow it. (off)\n    Deny\n    Open\n" +
		"Sessions\n  fix__login · working\n" + open + stop + foot)
	shot(t, k, "asks")
	k.click(name, "Needs you", "fix__login: asks: running `make", "Allow")
	k.until("the answer", func() bool {
		return strings.Contains(d.done(), "POST "+client.Base+`/sessions/s1/answers {"id":"q1","option":"yes"}`)
	})
	d.change(func() { d.needs = d.needs[1:] })
	k.click(name, "Needs you", "fix__login: asks: running `sh`", "Open")
	k.until("the page", func() bool {
		return strings.Contains(d.done(), "browse http://volundr-x.localhost/login/code?next=%2Fsessions%2Fs1%2Fchat")
	})
	k.click(name, "Sessions", "fix__login", "Stop")
	k.until("the stop", func() bool { return strings.Contains(d.done(), "POST "+client.Base+"/sessions/s1/stop") })
	k.click(name, "New session")
	k.until("the form", func() bool { return strings.Contains(d.done(), "?next=%2Fsessions%2Fnew") })
	k.click(name, "Start at login")
	k.until("a start at login", func() bool { return strings.Contains(outline(k.menu(name), ""), "Start at login (ticked)") })

	// The daemon goes and comes: the icon says so, and nothing is told twice.
	d.change(func() { d.needs, d.down = nil, true })
	d.srv.CloseClientConnections()
	is("Volundr is not running (off)\nStart Volundr\nStart at login (ticked)\nQuit (sessions run on)\n")
	k.until("a grey icon in the panel", func() bool { img := k.shoot(); return has(img, 0x80, 0x86, 0x90) && !has(img, 0x24, 0x56, 0xc7) })
	k.click(name, "Start Volundr")
	k.until("a start", func() bool { return strings.Contains(d.done(), "start the daemon") })
	d.change(func() {
		d.down = false
		d.needs = []client.Need{ask("q2", "fix_login", "running `sh`", ""), {ID: "failure:1", Kind: client.NeedFailure, SessionID: "s1", Session: "fix_login", Text: "The agent ended\x1b[2J.\u202e " + strings.Repeat("long ", 100)}}
	})
	is("2 things need you, 1 working (off)\nNeeds you\n  fix__login: asks: running `sh`\n    Allow\n    Deny\n    Open\n  " + short("fix__login: failed: The agent ended [2J. "+strings.Repeat("long ", 100), maxLine+1) +
		"\n    Open\n    Start again\nSessions\n  fix__login · working\n" + open + stop + foot[:len("New session…\nOpen Volundr\nStart at login")] + " (ticked)\nQuit (sessions run on)\n")
	d.change(func() { d.needs = nil }) // what is settled is taken back: then dunst has it in its history
	want := "fix_login asks for permission | running `make &lt;b&gt;deploy&lt;/b&gt;`\nfix_login asks for permission | running `sh`\nfix_login failed | " +
		short("The agent ended [2J. "+strings.Repeat("long ", 100), maxBody)
	k.until("three notices:\n"+want, func() bool { return k.said() == want })

	k.click(name, "Quit")
	ended := make(chan error, 1)
	go func() { ended <- tray.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the tray ended with %v", err)
		}
	case <-time.After(60 * time.Second):
		t.Error("the tray did not quit")
	}
	said, err := os.ReadFile(filepath.Join(k.dir, filepath.Base(self)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, race := range strings.Split(string(said), "WARNING: DATA RACE")[1:] {
		if !strings.Contains(race, "fyne.io/systray") {
			t.Errorf("a race of our own: %s", race)
		}
	}
}

// shot keeps a picture of the screen in the folder that VOLUNDR_SHOTS names,
// with the menu opened by a real click where xdotool is there.
func shot(t *testing.T, k *desk, name string) {
	dir := os.Getenv("VOLUNDR_SHOTS")
	if dir == "" {
		return
	}
	for i, keys := range []string{"mousemove 14 16 click 1 sleep 1 key Down key Down sleep 0.4 key Right sleep 0.6", "key Right sleep 0.6"} {
		cmd := exec.Command("xdotool", strings.Fields(keys)...)
		cmd.Env = k.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Logf("xdotool: %v: %s", err, out)
		}
		var file bytes.Buffer
		if err := png.Encode(&file, k.shoot()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("tray-%s-%d.png", name, i)), file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("xdotool", "key", "Escape", "key", "Escape", "key", "Escape")
	cmd.Env = k.env
	_ = cmd.Run() // a menu that stays open hides nothing that is asked for
}
