package desktop

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows/registry"

	"volundr/ui/mark"
)

// Keys below HKEY_CURRENT_USER.
const (
	class = `Software\Classes\` + Scheme
	start = `Software\Microsoft\Windows\CurrentVersion\Run`
	value = "Volundr"
)

// files are an icon and an entry of the start menu, which opens volundr://.
func (e Entry) files() ([]file, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return nil, err
	}
	icon := filepath.Join(config, "volundr", "volundr.ico")
	return []file{
		{path: icon, data: mark.ICO(mark.Idle, 16, 24, 32, 48, 64, 256)},
		{path: filepath.Join(config, "Microsoft", "Windows", "Start Menu", "Programs", "Volundr.url"),
			data: []byte("[InternetShortcut]\r\nURL=volundr://\r\nIconFile=" + icon + "\r\nIconIndex=0\r\n")},
	}, nil
}

func (e Entry) loginFiles() ([]file, error) { return nil, nil }

// command is a command line of ours, quoted.
func (e Entry) command(command ...string) (line string) {
	for _, w := range append(append([]string{e.Exe}, e.Args...), command...) {
		if line != "" {
			line += " "
		}
		line += syscall.EscapeArg(w)
	}
	return line
}

// register makes the handler known.
func (e Entry) register() ([]string, error) {
	for path, values := range map[string]map[string]string{
		class:                         {"": "URL:Volundr", "URL Protocol": ""},
		class + `\shell\open\command`: {"": e.command("desktop", "open") + ` "%1"`},
	} {
		key, _, err := registry.CreateKey(registry.CURRENT_USER, path, registry.SET_VALUE)
		if err != nil {
			return nil, err
		}
		for name, data := range values {
			err = errors.Join(err, key.SetStringValue(name, data))
		}
		if err := errors.Join(err, key.Close()); err != nil {
			return nil, err
		}
	}
	return []string{`HKEY_CURRENT_USER\` + class}, nil
}

func (e Entry) unregister() (gone []string, err error) {
	for _, path := range []string{`\shell\open\command`, `\shell\open`, `\shell`, ""} {
		err := registry.DeleteKey(registry.CURRENT_USER, class+path)
		if errors.Is(err, registry.ErrNotExist) {
			continue
		}
		if err != nil {
			return gone, err
		}
		gone = append(gone, `HKEY_CURRENT_USER\`+class+path)
	}
	return gone, e.SetAtLogin(false)
}

func (e Entry) refresh() error { return nil }

// AtLogin reports whether Volundr starts at login.
func (e Entry) AtLogin() bool {
	key, err := registry.OpenKey(registry.CURRENT_USER, start, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	defer key.Close()
	_, _, err = key.GetStringValue(value)
	return err == nil
}

// SetAtLogin has Volundr start at login, or not.
func (e Entry) SetAtLogin(yes bool) error {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, start, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer key.Close()
	if yes {
		return key.SetStringValue(value, e.command("tray", "--start"))
	}
	if err := key.DeleteValue(value); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return err
	}
	return nil
}

func (e Entry) everAtLogin() ([]file, error) { return e.loginFiles() }
