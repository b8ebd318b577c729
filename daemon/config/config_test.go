package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"
)

func write(t *testing.T, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestNothingSetGivesTheDefaults(t *testing.T) {
	for name, dir := range map[string]string{"no file": t.TempDir(), "empty file": write(t, ""), "only comments": write(t, "# nothing yet\n")} {
		c, err := Load(Flags{DataDir: dir})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Listen != "127.0.0.1:7420" || c.Runtime != "docker" || c.Provisioning.Timeout != 5*time.Minute || !c.LocalMounts.Enabled ||
			len(c.LocalMounts.AllowedPrefixes) != 1 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestDataDirHoldsEverything(t *testing.T) {
	dir := t.TempDir()
	c, err := Load(Flags{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	p := c.Paths
	for _, path := range []string{p.DB, p.Lock, p.Token, p.Keys, p.Mirrors, p.Archives, p.Files, p.State, p.Log, p.Config} {
		if !strings.HasPrefix(path, dir+string(filepath.Separator)) {
			t.Errorf("%s is not in %s", path, dir)
		}
	}
}

func TestWithoutDataDirTheUsualFoldersAreTaken(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", filepath.Join(t.TempDir(), "data"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(t.TempDir(), "config"))
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	c, err := Load(Flags{})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(os.Getenv("XDG_DATA_HOME"), "volundr", "volundr.db"); c.Paths.DB != want {
		t.Errorf("database %s, not %s", c.Paths.DB, want)
	}
	if want := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "volundr", "config.yaml"); c.Paths.Config != want {
		t.Errorf("file %s, not %s", c.Paths.Config, want)
	}
}

func TestFlagsStandAboveTheFile(t *testing.T) {
	dir := write(t, "listen: 127.0.0.1:1111\nengine: unix:///one.sock\nprovisioning:\n  timeout: 90s\nidle_pause: 30m\nimage:\n  ca_bundle: ca.pem\n  mirrors:\n    npm: https://npm.example\n")
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Flags{DataDir: dir, Listen: "[::1]:2222"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "[::1]:2222" || c.Engine != "unix:///one.sock" || c.Provisioning.Timeout != 90*time.Second || c.IdlePause != 30*time.Minute ||
		c.Image.CABundle != filepath.Join(dir, "ca.pem") || c.Image.Mirrors.NPM != "https://npm.example" {
		t.Errorf("%+v", c)
	}
}

func TestWhatCannotBeIsRefusedWithFileAndLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"listen: 127.0.0.1:7420\nlisten_on: x\n", `config.yaml:2: there is no setting "listen_on" here`},
		{"image:\n  bass: debian\n", `config.yaml:2: there is no setting "bass"`},
		{"listen: [1, 2\n", "config.yaml:1: "},
		{"provisioning:\n  timeout: soon\n", "config.yaml:2: "},
		{"listen: a\nlisten: b\n", "config.yaml:2: "},
		{"\nlisten: 0.0.0.0:7420\n", "config.yaml:2: listen address \"0.0.0.0:7420\" can be reached from other machines"},
		{"listen: example.com:80\n", "can be reached from other machines"},
		{"listen: '7420'\n", "is not of the form"},
		{"listen: 127.0.0.1:99999\n", "not a number from 0 to 65535"},
		{"runtime: podman\n", "runtime \"podman\" is not known"},
		{"engine: nonsense\n", "not an address of a Docker engine"},
		{"image:\n  ca_bundle: missing.pem\n", "config.yaml:2: the certificate bundle cannot be read"},
		{"image:\n  recipe: missing\n", "config.yaml:2: the recipe of the session image lacks base/Dockerfile"},
		{"image:\n  mirrors:\n    npm: ftp://x\n", "config.yaml:3: mirror"},
		{"local_mounts:\n  allowed_prefixes:\n    - /home\n    - /\n", "config.yaml:4: allowed prefix \"/\" would open the whole machine"},
		{"local_mounts:\n  allowed_prefixes: [code]\n", "config.yaml:2: allowed prefix \"code\" is not an absolute"},
		{"provisioning:\n  timeout: 1s\n", "config.yaml:2: provisioning timeout 1s is out of range"},
		{"git:\n  branch_prefix: a b\n", "config.yaml:2: branch prefix"},
		{"git:\n  protected_branches: [main, 'a b']\n", "config.yaml:2: protected branch \"a b\""},
		{"git:\n  forges: {git.example: {type: gitea}}\n", "forge git.example: its type is github or gitlab"},
		{"git:\n  forges: {git.example: {type: gitlab, api: 'http://git.example/api/v4'}}\n", "would send tokens unencrypted"},
		{"idle_pause: 1s\n", "config.yaml:1: idle_pause 1s is too short"},
		{"providers:\n  acme:\n    url: https://x\n", "provider \"acme\" is not known"},
		{"providers:\n  openai:\n    url: http://gateway.example\n", "config.yaml:3: gateway \"http://gateway.example\" would send keys unencrypted"},
		{"providers:\n  openai:\n    url: https://user:pw@gateway.example\n", "not a plain URL"},
		{"models:\n  - id: a\n  - id: a\n", "config.yaml:3: model \"a\" stands here twice"},
		{"models:\n  - name: a\n", "needs an id"},
		{"models:\n  - id: a\n    tier: best\n", "config.yaml:3: tier"},
	} {
		_, err := Load(Flags{DataDir: write(t, c.text)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
	if _, err := Load(Flags{DataDir: write(t, "listen: 127.0.0.1:1\n"), Listen: "0.0.0.0:1"}); err == nil || !strings.HasPrefix(err.Error(), "--listen: ") {
		t.Errorf("flag: %v", err)
	}
}

func TestGatewayOnThisMachineMayBePlain(t *testing.T) {
	c, err := Load(Flags{DataDir: write(t, "providers:\n  anthropic:\n    url: http://127.0.0.1:4000/v1\n    local: true\n")})
	if err != nil || !c.Providers["anthropic"].Local {
		t.Errorf("%+v, %v", c.Providers, err)
	}
}

func TestTheSandboxAPIIsSetByFileAndEnvironment(t *testing.T) {
	dir := write(t, "sandbox:\n  listen: 127.0.0.1:8000\n  auth: none\n  networks: [open, none]\n  pool: {size: 5}\n  max_exec_timeout_ms: 30000\n")
	t.Setenv("MAX_EXEC_TIMEOUT_MS", "90000")
	t.Setenv("MEMORY_LIMIT_MB", "512")
	t.Setenv("SESSION_MAX_LIFETIME_SECONDS", "3600")
	t.Setenv("FILE_TTL_SEC", "")
	c, err := Load(Flags{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s := c.Sandbox
	if s.Listen != "127.0.0.1:8000" || s.Auth != "none" || s.Networks[0] != "open" || s.Pool.Size != 5 || s.Pool.MemoryMB != 2048 || s.MaxExecTimeout != 90_000 ||
		s.Limits.MemoryMB != 512 || s.MaxLifetime != time.Hour || s.Files.TTL != time.Hour || s.MaxOutput != 1_000_000 {
		t.Errorf("%+v", s)
	}
	t.Setenv("MAX_FILE_SIZE_MB", "many")
	if _, err := Load(Flags{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "MAX_FILE_SIZE_MB") {
		t.Errorf("%v", err)
	}
}

func TestTheSandboxAPIIsNotLeftOpen(t *testing.T) {
	cert := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(cert, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tls := "  tls: {cert: " + cert + ", key: " + cert + "}\n"
	for text, line := range map[string]string{
		"sandbox:\n  listen: 0.0.0.0:8000\n":                                 "config.yaml:2: ",
		"sandbox:\n  listen: 0.0.0.0:8000\n  auth: none\n" + tls:             "config.yaml:2: ",
		"sandbox:\n  auth: maybe\n":                                          "config.yaml:2: ",
		"sandbox:\n  tls: {cert: " + cert + "}\n":                            "config.yaml:2: ",
		"sandbox:\n  networks: [lan]\n":                                      "config.yaml:2: ",
		"sandbox:\n  networks: []\n":                                         "config.yaml:2: ",
		"sandbox:\n  limits:\n    memory_mb: 100000\n":                       "config.yaml:3: ",
		"sandbox:\n  limits:\n    cpus: 0\n":                                 "config.yaml:3: ",
		"sandbox:\n  max_lifetime: long\n":                                   "config.yaml:2: ",
		"sandbox:\n  files:\n    ttl: 0s\n":                                  "config.yaml:3: ",
		"sandbox:\n  pool:\n    sise: 3\n":                                   "config.yaml:3: ",
		"sandbox:\n  limits:\n    sandboxes: 0\n    memory_mb: 256\n":        "config.yaml:3: ",
		"sandbox:\n  listen: localhost\n":                                    "config.yaml:2: ",
		"sandbox:\n  tls: {cert: /nothing/here.pem, key: /nothing/here.k}\n": "config.yaml:2: ",
	} {
		if _, err := Load(Flags{DataDir: write(t, text)}); err == nil || !strings.Contains(err.Error(), line) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"sandbox:\n  listen: 0.0.0.0:8000\n" + tls, "sandbox:\n  listen: '[::1]:0'\n  auth: none\n"} {
		if _, err := Load(Flags{DataDir: write(t, text)}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
