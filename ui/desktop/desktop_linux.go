package desktop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adrg/xdg"

	"volundr/ui/mark"
)

const handler = "volundr-url.desktop"

// sizes of icons, as the hicolor theme has them.
var sizes = []int{16, 22, 24, 32, 48, 64, 128, 256, 512}

// files are the entries by the desktop entry specification, and the icons.
func (e Entry) files() ([]file, error) {
	apps, icons := filepath.Join(xdg.DataHome, "applications"), filepath.Join(xdg.DataHome, "icons", "hicolor")
	files := []file{
		{path: filepath.Join(apps, "volundr.desktop"), data: append(e.entry("Comment=Coding agents in isolated sessions\nCategories=Development;\nKeywords=agent;AI;container;\nStartupNotify=false\nActions=new;\n", "tray", "--start", "--open"),
			"\n[Desktop Action new]\nName=New session\n"+e.exec("desktop", "open", "volundr://new")...)},
		{path: filepath.Join(apps, handler), data: e.entry("NoDisplay=true\nMimeType=x-scheme-handler/volundr;\nStartupNotify=false\n", "desktop", "open", "%u")},
		{path: filepath.Join(icons, "scalable", "apps", "volundr.svg"), data: []byte(mark.SVG)},
	}
	for _, n := range sizes {
		files = append(files, file{path: filepath.Join(icons, fmt.Sprintf("%dx%d", n, n), "apps", "volundr.png"), data: mark.PNG(mark.Idle, n)})
	}
	return files, nil
}

// entry is a desktop entry that runs one of our commands.
func (e Entry) entry(more string, command ...string) []byte {
	return []byte("[Desktop Entry]\nType=Application\nName=Volundr\nIcon=volundr\nTerminal=false\n" + more + e.exec(command...))
}

// exec is the line of a command, quoted by the specification's rules: first
// those of an argument, then those of a value. %u stays what it is.
func (e Entry) exec(command ...string) string {
	var words []string
	for i, w := range append(append([]string{e.Exe}, e.Args...), command...) {
		if i > 0 && w == "%u" {
			words = append(words, w)
			continue
		}
		w = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(w)
		words = append(words, `"`+strings.ReplaceAll(w, "%", "%%")+`"`)
	}
	return "Exec=" + strings.ReplaceAll(strings.Join(words, " "), `\`, `\\`) + "\n"
}

// loginFiles start the tray with the desktop, and where systemd runs the daemon
// with the login, whether there is a desktop or not.
func (e Entry) loginFiles() ([]file, error) {
	tray := []string{"tray"}
	var files []file
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		files = e.unitFiles()
	} else {
		tray = append(tray, "--start")
	}
	return append(files, file{path: filepath.Join(xdg.ConfigHome, "autostart", "volundr.desktop"),
		data: e.entry("Comment=Coding agents in isolated sessions\nX-GNOME-Autostart-enabled=true\n", tray...)}), nil
}

// everAtLogin are all that loginFiles can be.
func (e Entry) everAtLogin() ([]file, error) {
	now, err := e.loginFiles()
	return append(now, e.unitFiles()...), err
}

// unitFiles are a systemd user unit of the daemon, and what enables it.
func (e Entry) unitFiles() []file {
	units := filepath.Join(xdg.ConfigHome, "systemd", "user")
	var words []string
	for _, w := range append(append([]string{e.Exe}, e.Args...), "up", "--foreground") {
		w = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$").Replace(w)
		words = append(words, `"`+w+`"`)
	}
	unit := "[Unit]\nDescription=Volundr, coding agents in isolated sessions\n\n[Service]\nExecStart=" + strings.Join(words, " ") +
		"\nRestart=on-failure\nRestartSec=5\n\n[Install]\nWantedBy=default.target\n"
	return []file{
		{path: filepath.Join(units, "volundr.service"), data: []byte(unit)},
		{path: filepath.Join(units, "default.target.wants", "volundr.service"), link: "../volundr.service"},
	}
}

// register makes the handler known, by the desktop's own programs where they
// are.
func (e Entry) register() ([]string, error) {
	if err := e.refresh(); err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("xdg-mime"); err != nil {
		return nil, nil // the entry names its scheme, which desktops read by themselves
	}
	if out, err := exec.Command("xdg-mime", "default", handler, "x-scheme-handler/volundr").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("xdg-mime: %w: %s", err, out)
	}
	return nil, nil
}

// unregister takes back what register had xdg-mime write down. A list in which
// nothing else stands goes too.
func (e Entry) unregister() ([]string, error) {
	list := filepath.Join(xdg.ConfigHome, "mimeapps.list")
	was, err := os.ReadFile(list)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now, holds := without(string(was))
	switch {
	case now == string(was):
		return nil, nil
	case !holds:
		return []string{list}, os.Remove(list)
	}
	return nil, file{path: list, data: []byte(now)}.write()
}

// without is a list of who opens what (mimeapps.list) without our handler, and
// whether it holds anything more than headings.
func without(list string) (left string, holds bool) {
	for line := range strings.Lines(list) {
		kind, handlers, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && strings.Contains(handlers, handler) {
			others := slices.DeleteFunc(strings.Split(handlers, ";"), func(h string) bool { return h == handler || h == "" })
			if len(others) == 0 {
				continue
			}
			line = kind + "=" + strings.Join(others, ";") + ";\n"
		}
		left += line
		holds = holds || ok || strings.HasPrefix(line, "#")
	}
	return left, holds
}

// refresh has the desktop's cache of entries made anew, if it has one.
func (e Entry) refresh() error {
	apps := filepath.Join(xdg.DataHome, "applications")
	if _, err := os.Stat(apps); err != nil {
		return nil // nothing was ever installed
	}
	program, err := exec.LookPath("update-desktop-database")
	if err != nil {
		return nil
	}
	if out, err := exec.Command(program, apps).CombinedOutput(); err != nil {
		return fmt.Errorf("update-desktop-database: %w: %s", err, out)
	}
	return nil
}

// AtLogin reports whether Volundr starts at login.
func (e Entry) AtLogin() bool {
	files, err := e.loginFiles()
	return err == nil && there(files)
}

// SetAtLogin has Volundr start at login, or not.
func (e Entry) SetAtLogin(yes bool) error {
	if yes {
		files, err := e.loginFiles()
		if err == nil {
			_, err = write(files)
		}
		return err
	}
	files, err := e.everAtLogin()
	if err == nil {
		_, err = remove(files)
	}
	return err
}
