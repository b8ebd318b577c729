package desktop

import (
	"bytes"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"github.com/google/go-cmp/cmp"
)

// home is a person's empty home.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, value := range map[string]string{"HOME": dir, "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "", "XDG_CURRENT_DESKTOP": "", "DE": ""} {
		t.Setenv(name, value)
	}
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	return dir
}

func files(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// odd is an executable and a folder whose names need every kind of quoting.
var odd = Entry{Exe: "/opt/my \"apps\"/50%/vol`u$ndr\\x", Args: []string{"--data-dir", "/home/ann/a b"}}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("VOLUNDR_REQUIRE_DESKTOP") == "1" {
			t.Fatalf("no %s on this machine", name)
		}
		t.Skipf("no %s on this machine: entries are not validated", name)
	}
	return path
}

func TestInstallWritesWhatUninstallRemoves(t *testing.T) {
	dir := home(t)
	keep := filepath.Join(dir, ".local", "share", "applications", "other.desktop")
	if err := (file{path: keep, data: []byte("[Desktop Entry]\nType=Application\nName=Other\nExec=true\n")}).write(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is there already is written anew
		if _, err := odd.Install(); err != nil {
			t.Fatal(err)
		}
	}
	if odd.AtLogin() {
		t.Error("installing starts at login by itself")
	}
	if err := odd.SetAtLogin(true); err != nil || !odd.AtLogin() {
		t.Errorf("at login: %v", err)
	}
	for _, n := range sizes {
		path := filepath.Join(dir, ".local/share/icons/hicolor", fmt.Sprintf("%dx%d", n, n), "apps/volundr.png")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if img, err := png.DecodeConfig(bytes.NewReader(raw)); err != nil || img.Width != n || img.Height != n {
			t.Errorf("%s: %+v, %v", path, img, err)
		}
	}
	if _, err := odd.Uninstall(); err != nil {
		t.Fatal(err)
	}
	left := slices.DeleteFunc(files(t, dir), func(f string) bool {
		return strings.HasSuffix(f, "mimeinfo.cache") // the desktop's own
	})
	if d := cmp.Diff([]string{".local/share/applications/other.desktop"}, left); d != "" {
		t.Error(d)
	}
	if gone, err := odd.Uninstall(); err != nil || len(gone) != 0 {
		t.Errorf("the second time: %v, %v", gone, err)
	}
}

// Who else opens what stays.
func TestOtherHandlersStay(t *testing.T) {
	dir := home(t)
	list := file{path: filepath.Join(dir, ".config", "mimeapps.list"), data: []byte("[Added Associations]\nx-scheme-handler/volundr=volundr-url.desktop;other.desktop;\n\n" +
		"[Default Applications]\ntext/plain=vim.desktop\nx-scheme-handler/volundr=volundr-url.desktop\n")}
	if err := list.write(); err != nil {
		t.Fatal(err)
	}
	if gone, err := odd.Uninstall(); err != nil || len(gone) != 0 {
		t.Errorf("%v %v", gone, err)
	}
	got, err := os.ReadFile(list.path)
	want := "[Added Associations]\nx-scheme-handler/volundr=other.desktop;\n\n[Default Applications]\ntext/plain=vim.desktop\n"
	if err != nil || string(got) != want {
		t.Errorf("%q %v", got, err)
	}
}

// The desktop's own programs take what is written.
func TestTheDesktopUnderstandsTheEntries(t *testing.T) {
	validate, mime := program(t, "desktop-file-validate"), program(t, "xdg-mime")
	dir := home(t)
	if _, err := odd.Install(); err != nil {
		t.Fatal(err)
	}
	if err := odd.SetAtLogin(true); err != nil {
		t.Fatal(err)
	}
	for _, f := range files(t, dir) {
		if strings.HasSuffix(f, ".desktop") {
			if out, err := exec.Command(validate, filepath.Join(dir, f)).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: %v %s", f, err, out)
			}
		}
	}
	out, err := exec.Command(mime, "query", "default", "x-scheme-handler/volundr").Output()
	if err != nil || strings.TrimSpace(string(out)) != handler {
		t.Errorf("who opens volundr://: %q, %v", out, err)
	}
}

func TestCommandsAreQuoted(t *testing.T) {
	want := `Exec="/opt/my \\"apps\\"/50%%/vol\\` + "`" + `u\\$ndr\\\\x" "--data-dir" "/home/ann/a b" "desktop" "open" %u` + "\n"
	if d := cmp.Diff(want, odd.exec("desktop", "open", "%u")); d != "" {
		t.Error(d)
	}
	unit := string(odd.unitFiles()[0].data)
	if want := `ExecStart="/opt/my \"apps\"/50%%/vol` + "`" + `u$$ndr\\x" "--data-dir" "/home/ann/a b" "up" "--foreground"`; !strings.Contains(unit, want) {
		t.Errorf("%s\nwant %s", unit, want)
	}
	if _, err := (Entry{Exe: "volundr"}).Install(); err == nil {
		t.Error("a relative path was installed")
	}
}
