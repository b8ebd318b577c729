package desktop

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"

	"volundr/ui/mark"
)

// files are an application that starts the tray. Addresses reach a macOS
// application as events, which ours does not take: there is no handler.
func (e Entry) files() ([]file, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	app := filepath.Join(home, "Applications", "Volundr.app", "Contents")
	var words []string
	for _, w := range append(append([]string{e.Exe}, e.Args...), "tray", "--start", "--open") {
		words = append(words, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return []file{
		{path: filepath.Join(app, "Info.plist"), data: plist(dict("CFBundleName", text("Volundr"), "CFBundleIdentifier", text("dev.volundr.tray"), "CFBundleExecutable", text("volundr"),
			"CFBundleIconFile", text("volundr"), "CFBundlePackageType", text("APPL"), "LSUIElement", "<true/>"))},
		{path: filepath.Join(app, "MacOS", "volundr"), data: []byte("#!/bin/sh\nexec " + strings.Join(words, " ") + "\n"), exec: true},
		{path: filepath.Join(app, "Resources", "volundr.icns"), data: mark.ICNS()},
	}, nil
}

// loginFiles are a launchd agent of the tray.
func (e Entry) loginFiles() ([]file, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	words := "<array>"
	for _, w := range append(append([]string{e.Exe}, e.Args...), "tray", "--start") {
		words += text(w)
	}
	return []file{{path: filepath.Join(home, "Library", "LaunchAgents", "dev.volundr.tray.plist"),
		data: plist(dict("Label", text("dev.volundr.tray"), "ProgramArguments", words+"</array>", "RunAtLoad", "<true/>", "ProcessType", text("Interactive")))}}, nil
}

func plist(root string) []byte {
	return []byte(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n<plist version=\"1.0\">" + root + "</plist>\n")
}

// dict takes keys and values in turns.
func dict(pairs ...string) string {
	out := "<dict>"
	for i := 0; i < len(pairs); i += 2 {
		out += "<key>" + pairs[i] + "</key>" + pairs[i+1]
	}
	return out + "</dict>"
}

func text(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return "<string>" + b.String() + "</string>"
}

func (e Entry) register() ([]string, error)   { return nil, nil }
func (e Entry) unregister() ([]string, error) { return nil, nil }
func (e Entry) refresh() error                { return nil }

// AtLogin reports whether Volundr starts at login.
func (e Entry) AtLogin() bool {
	files, err := e.loginFiles()
	return err == nil && there(files)
}

// SetAtLogin has Volundr start at login, or not.
func (e Entry) SetAtLogin(yes bool) error {
	files, err := e.loginFiles()
	if err != nil {
		return err
	}
	if yes {
		_, err = write(files)
	} else {
		_, err = remove(files)
	}
	return err
}

func (e Entry) everAtLogin() ([]file, error) { return e.loginFiles() }
