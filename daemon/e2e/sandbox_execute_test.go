package e2e

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

// execute runs a program that has time enough.
func (s *sandboxes) execute(code string, files ...client.StagedFile) client.ExecuteResult {
	s.t.Helper()
	got, err := s.v1.Execute(s.t.Context(), client.Execute{Code: code, TimeoutMS: 60_000, Files: files})
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// returned are the files that came back, with what they hold.
func (s *sandboxes) returned(r client.ExecuteResult) map[string]string {
	s.t.Helper()
	out := map[string]string{}
	for _, f := range r.Files {
		if f.FileID == nil {
			out[f.Path] = "(" + f.Kind + ")"
			continue
		}
		var b bytes.Buffer
		if err := s.v1.Download(s.t.Context(), *f.FileID, &b); err != nil {
			s.t.Error(err)
		}
		out[f.Path] = b.String()
	}
	return out
}

// TestExecute: what a program prints, how it ends, what it leaves.
func TestExecute(t *testing.T) {
	s := installSandboxes(t, "")
	for name, c := range map[string]struct {
		code           string
		stdout, stderr string // parts of it, with "|" between; "": nothing
		exit           int
	}{
		"last line":           {"x = 6\nx*7", "42\n", "", 0},
		"only the last":       {"1\n2\n'three'", "'three'\n", "", 0},
		"nothing is nothing":  {"None", "", "", 0},
		"a list of values":    {"1, 2", "(1, 2)\n", "", 0},
		"its own names":       {"tree = ast = node = code_obj = last = 1\ntree + ast", "2\n", "", 0},
		"no names of ours":    {"sorted(n for n in globals() if not n.startswith('__'))", "[]\n", "", 0},
		"a future":            {"from __future__ import annotations\ndef f(x: undefined): return 1\nf(0)", "1\n", "", 0},
		"main":                {"print(__name__, __file__.endswith('__main__.py'))", "__main__ True\n", "", 0},
		"an error":            {"def f():\n    return 1/0\nprint('before')\nf()", "before\n", "__main__.py\", line 4|f()|line 2|return 1/0|ZeroDivisionError: division by zero", 1},
		"an error at the end": {"1/0", "", "1/0|ZeroDivisionError", 1},
		"a syntax error":      {"x = = 1", "", "x = = 1|SyntaxError: invalid syntax", 1},
		"exit with a code":    {"raise SystemExit(7)", "", "", 7},
		"exit with words":     {"raise SystemExit('words')", "", "words\n", 1},
		"killed":              {"import os; os.kill(os.getpid(), 9)", "", "", 137},
		"out of memory":       {"x = [bytearray(b'x'*(1<<20)) for _ in range(8192)]", "", "", 137},
		"no input":            {"import sys; print(repr(sys.stdin.read()))", "''\n", "", 0},
		"science": {"import numpy, pandas, scipy, openpyxl, matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\nplt.plot([1,2]); plt.savefig('/tmp/p.png')\n" +
			"pandas.DataFrame({'a':[1,2]}).to_excel('/tmp/a.xlsx')\nint(pandas.read_excel('/tmp/a.xlsx')['a'].sum() + numpy.arange(3).sum())", "6\n", "", 0},
		"node and git": {"import subprocess as p\nprint(p.run(['node','-p','6*7'],capture_output=True,text=True).stdout, end='')\np.run(['git','--version'],stdout=p.DEVNULL).returncode", "42\n0\n", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.execute(c.code)
			if got.ExitCode == nil || *got.ExitCode != c.exit || got.Stdout != c.stdout || c.stderr == "" && got.Stderr != "" {
				t.Errorf("exit %v, want %d\n%s\n%s", exitOf(got.BashResult), c.exit, got.Stdout, got.Stderr)
			}
			for part := range strings.SplitSeq(c.stderr, "|") {
				if !strings.Contains(got.Stderr, part) {
					t.Errorf("no %q in\n%s", part, got.Stderr)
				}
			}
			if got.OOMKilled != (name == "out of memory") {
				t.Errorf("out of memory: %v", got.OOMKilled)
			}
			if strings.Contains(got.Stderr, "ast.py") || strings.Contains(got.Stderr, "exec(") {
				t.Errorf("our own frames show:\n%s", got.Stderr)
			}
		})
	}
	t.Run("files", func(t *testing.T) {
		same, changed := s.fileID("same"), s.fileID("before")
		got := s.execute(`import os
open('changed.txt','w').write('after')
os.makedirs('.cfg/in', exist_ok=True)
open('.hidden','w').write('h')
open('.cfg/in/x','w').write('x')
open('mode','w').write('m'); os.chmod('mode', 0o600)
open('with space "and" quotes é.txt','w').write('q')
open('empty','w').close()
os.makedirs('emptydir')
open('bytes','wb').write(bytes(range(256)))
`, client.StagedFile{Path: "dir/same.txt", FileID: same}, client.StagedFile{Path: "./changed.txt", FileID: changed})
		want := map[string]string{"changed.txt": "after", ".hidden": "h", ".cfg/in/x": "x", "mode": "m", "with space \"and\" quotes é.txt": "q", "empty": "", "bytes": string(allBytes())}
		if diff := cmp.Diff(want, s.returned(got)); diff != "" {
			t.Errorf("%s\n%s", diff, got.Stderr)
		}
	})
	t.Run("links are told and not followed", func(t *testing.T) {
		got := s.execute("import os\nos.symlink('/etc/passwd','link')\nos.mkfifo('pipe')\nopen('file','w').write('f')")
		back := s.returned(got)
		if strings.Contains(strings.Join(slices.Collect(maps.Values(back)), ""), "root:") || back["file"] != "f" {
			t.Errorf("came back: %v", back)
		}
		why := map[string]string{}
		for _, f := range got.Files {
			why[f.Path] = f.Skipped
		}
		if diff := cmp.Diff(map[string]string{"file": "", "link": "symlink", "pipe": "special"}, why); diff != "" {
			t.Errorf("what was not kept, and why:\n%s", diff)
		}
	})
	s.eventually(limit, "no program's sandbox is left", func() bool {
		left := 0
		for _, c := range s.containers("") {
			if s.alive(c) {
				left++
			}
		}
		return left <= 2 // that wait for their first use
	})
}

func allBytes() (b []byte) {
	for i := range 256 {
		b = append(b, byte(i))
	}
	return b
}
