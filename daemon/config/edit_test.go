package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const written = `# Mine.

listen: 127.0.0.1:7420   # the usual port

image:
  # where packages come from
  mirrors:
    npm: https://npm.example # near

  base: "debian:13"

local_mounts:
  allowed_prefixes:
  - /home/ann # all of it
  - /srv

# Not used:
# engine: unix:///x.sock
`

func TestASettingIsWrittenAndAllElseStays(t *testing.T) {
	for _, c := range []struct {
		key, value string
		old, new   string // what is replaced in the file above; empty old: added at the end
	}{
		{"listen", "127.0.0.1:8000", "listen: 127.0.0.1:7420   #", "listen: 127.0.0.1:8000 #"},
		{"image.mirrors.npm", "http://other", "npm: https://npm.example #", "npm: http://other #"},
		{"image.base", "debian:12", `base: "debian:13"`, "base: debian:12"},
		{"image.base", "# odd", `base: "debian:13"`, `base: "# odd"`},
		{"image.mirrors.debian", "http://deb", "    npm: https://npm.example # near\n", "    npm: https://npm.example # near\n    debian: http://deb\n"},
		{"image.recipe", "r", "  base: \"debian:13\"\n", "  base: \"debian:13\"\n  recipe: r\n"},
		{"local_mounts.allowed_prefixes", "/a, /b", "  allowed_prefixes:\n  - /home/ann # all of it\n  - /srv\n", "  allowed_prefixes: [\"/a\",\"/b\"]\n"},
		{"local_mounts.enabled", "false", "  - /srv\n", "  - /srv\n  enabled: false\n"},
		{"sandbox.pool.size", "5", "", "sandbox:\n  pool:\n    size: 5\n"},
		{"provisioning.timeout", "10m", "", "provisioning:\n  timeout: 10m\n"},
		{"providers.openai.url", "https://gw", "", "providers:\n  openai:\n    url: https://gw\n"},
		{"models", "[{id: a, cost_per_million_tokens: 1.5}]", "", "models: [{\"cost_per_million_tokens\":1.5,\"id\":\"a\"}]\n"},
	} {
		want := written + c.new
		if c.old != "" {
			if want = strings.Replace(written, c.old, c.new, 1); want == written {
				t.Fatalf("%s: the case is wrong", c.key)
			}
		}
		got, err := With([]byte(written), c.key, c.value)
		if err != nil {
			t.Errorf("%s = %s: %v", c.key, c.value, err)
		} else if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s = %s: %s", c.key, c.value, diff)
		}
	}
}

func TestASettingIsWrittenWhereThereIsLittle(t *testing.T) {
	for _, c := range []struct{ text, key, value, want string }{
		{"", "listen", "x", "listen: x\n"},
		{"# only this\n", "listen", "x", "# only this\nlisten: x\n"},
		{"engine: a", "listen", "x", "engine: a\nlisten: x\n"},
		{"image:\n", "image.base", "x", "image:\n  base: x\n"},
		{"image: # later\nlisten: y\n", "image.base", "x", "image: # later\n  base: x\nlisten: y\n"},
		{"image:\n    recipe: r\n", "image.base", "x", "image:\n    recipe: r\n    base: x\n"},
		{"listen:\n", "listen", "x", "listen: x\n"},
		{"listen: >\n  long\n  text\nengine: e\n", "listen", "x", "listen: x\nengine: e\n"},
		{"---\nlisten: a\n", "listen", "x", "---\nlisten: x\n"},
		{"listen: a\r\nengine: e\r\n", "listen", "x", "listen: x\nengine: e\r\n"},
	} {
		got, err := With([]byte(c.text), c.key, c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%q: %q, %v, want %q", c.text, got, err, c.want)
		}
	}
}

func TestWhatCannotBeSetIsSaid(t *testing.T) {
	for _, c := range []struct{ text, key, value, want string }{
		{"", "listn", "x", `there is no setting "listn": did you mean "listen"?`},
		{"", "image.bass", "x", `there is no setting "bass" in image: did you mean "base"?`},
		{"", "listen.port", "1", "listen is a value of its own"},
		{"", "provisioning.timeout.more", "1", "provisioning.timeout is a value of its own"},
		{"", "", "1", `there is no setting ""`},
		{"", "sandbox.pool.size", "many", "is a whole number"},
		{"", "sandbox.pool.always", "perhaps", "is true or false"},
		{"", "provisioning.timeout", "soon", "is a duration such as 300s"},
		{"", "models", "none", "is a list or a mapping"},
		{"image: {base: a}\n", "image.base", "x", "stands between braces in line 1"},
		{"image: {base: a}\n", "image.recipe", "x", "write it into the file by hand"},
	} {
		if got, err := With([]byte(c.text), c.key, c.value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %s: %q, %v, want %s", c.key, c.value, got, err, c.want)
		}
	}
}

func TestSetLeavesAFileAloneThatWouldNotDo(t *testing.T) {
	dir := write(t, written)
	for _, c := range []struct{ key, value, want string }{
		{"listen", "0.0.0.0:1", "config.yaml:3: listen address"}, {"image.recipe", "missing", "lacks base/Dockerfile"},
	} {
		if _, err := Set(Flags{DataDir: dir}, c.key, c.value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.key, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
	if err != nil || string(text) != written {
		t.Errorf("%s, %v", text, err)
	}
	// A link stays a link, and what is wrong can be mended.
	link := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "config.yaml"), filepath.Join(link, "config.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("listen: 0.0.0.0:1\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "config.yaml"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Set(Flags{DataDir: link}, "listen", "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(filepath.Join(link, "config.yaml"))
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v, %v", info, err)
	}
	if info, err = os.Stat(filepath.Join(dir, "config.yaml")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if c, err := Load(Flags{DataDir: dir}); err != nil || c.Listen != "127.0.0.1:1" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestValidateTellsAllUnknownKeysAtOnce(t *testing.T) {
	dir := write(t, "listn: a\nimage:\n  bass: b\nmodels:\n  - idd: c\nproviders:\n  openai: {ulr: d}\n")
	_, problems, err := Validate(Flags{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "config.yaml")
	want := []string{file + `:1: there is no setting "listn" here: did you mean "listen"?`, file + `:3: there is no setting "bass" here: did you mean "base"?`,
		file + `:5: there is no setting "idd" here: did you mean "id"?`, file + `:7: there is no setting "ulr" here: did you mean "url"?`}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
}

// What is shown is what would be read.
func TestShowIsWhatCounts(t *testing.T) {
	dir := write(t, "provisioning: {timeout: 90s}\nsandbox: {networks: [open, none]}\n")
	c, err := Load(Flags{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Show("")
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(Flags{DataDir: write(t, text)})
	again.Paths, c.Paths = Paths{}, Paths{}
	if diff := cmp.Diff(c, again, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("%v\n%s\n%s", err, diff, text)
	}
	for key, want := range map[string]string{"provisioning.timeout": "1m30s\n", "sandbox.networks": "- open\n- none\n", "engine": "\n", "sandbox.pool": "size: 2\nalways: false\nmemory_mb: 2048\n"} {
		if got, err := c.Show(key); err != nil || got != want {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
	if _, err := c.Show("imag"); err == nil || !strings.Contains(err.Error(), `did you mean "image"?`) {
		t.Errorf("%v", err)
	}
}

// Whatever stands in a file, setting a value keeps the rest of what it says or
// is refused; it never panics.
func FuzzWith(f *testing.F) {
	f.Add(written, "listen", "x")
	f.Add("image: {base: a}\n", "image.base", "x: y")
	f.Add("listen: |\n  a\n b\n", "listen", "#")
	f.Fuzz(func(t *testing.T, text, key, value string) {
		if len(text) > 1000 || strings.Count(text, "[")+strings.Count(text, "{") > 50 {
			return
		}
		_, _ = With([]byte(text), key, value)
	})
}
