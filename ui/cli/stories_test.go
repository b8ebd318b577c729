package cli_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what commands print into the stories")

var binaries string // folder of the executable, built once by TestMain

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "volundr-cli")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binaries = dir
	build := exec.Command("go", "build", "-ldflags", "-X main.version=v1.2.3", "-o", filepath.Join(dir, "volundr"), "volundr")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// Stories of somebody at a shell. None needs a container engine: the daemons in
// them are told of one that is not there.
func TestStories(t *testing.T) {
	testscript.Run(t, params("stories"))
}

// params are a story's world: an empty home, no configuration of whoever runs
// the tests, and commands of its own beside testscript's.
//
//	daemon [FLAGS]            starts a daemon in the background and waits until it answers
//	capture NAME REGEXP       keeps the first group of what was last printed
//	until REGEXP COMMAND…     runs a command again and again until its output matches
//	public DIR                makes a public address possible (see there)
func params(folder string) testscript.Params {
	return testscript.Params{
		Dir: filepath.Join("testdata", folder), UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			if err := os.Mkdir(home, 0o755); err != nil {
				return err
			}
			e.Setenv("HOME", home)
			e.Setenv("USER", "ann")
			e.Setenv("PATH", binaries+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			e.Setenv("ENGINE", "unix://"+filepath.Join(e.WorkDir, "no-engine.sock"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemon": daemon, "capture": capture, "until": until, "public": public,
		},
	}
}

// daemon starts one that ends with the story, on any free port.
func daemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! daemon")
	}
	engine := []string{}
	if e := ts.Getenv("ENGINE"); e != "" {
		engine = []string{"--engine", e}
	}
	cmd := exec.Command(filepath.Join(binaries, "volundr"), append(append([]string{"up", "--foreground", "--listen", "127.0.0.1:0"}, engine...), args...)...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), environment(ts)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the process
	ts.Defer(func() {
		if ts.Getenv("ENGINE") == "" {
			sweep(ts)
		}
		cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	})
	where := []string{"status"}
	for i, a := range args {
		if a == "--data-dir" {
			where = append(where, args[i:i+2]...)
		}
	}
	poll(ts, "the daemon answers", func() bool {
		select {
		case err := <-ended:
			ended <- err
			ts.Fatalf("the daemon ended (%v): %s", err, said.String())
		default:
		}
		return ts.Exec("volundr", where...) == nil
	})
}

// environment is the story's, of which testscript shows only single variables.
func environment(ts *testscript.TestScript) (env []string) {
	for _, name := range []string{"HOME", "USER", "PATH", "TMPDIR", "GIT_CONFIG_NOSYSTEM", "DOCKER_HOST", "DOCKER_CONTEXT", "SSL_CERT_FILE",
		"ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) != 2 {
		ts.Fatalf("nothing printed matches %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP COMMAND…")
	}
	re, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	poll(ts, args[0], func() bool {
		_ = ts.Exec(args[1], args[2:]...)
		return re.MatchString(ts.ReadFile("stdout") + ts.ReadFile("stderr"))
	})
}

// poll waits for a condition, a minute and a half at most.
func poll(ts *testscript.TestScript, what string, cond func() bool) {
	for end := time.Now().Add(90 * time.Second); !cond(); {
		if time.Now().After(end) {
			ts.Fatalf("never: %s\n%s%s", what, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
		<-time.After(50 * time.Millisecond)
	}
}
