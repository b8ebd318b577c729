package sandbox_test

import (
	"os/exec"
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
)

// Every program is run with its last line shown, and is to do what it would do
// by itself apart from that.
func TestPrograms(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Fatal("python3 is needed: make setup installs it")
	}
	c, s := world(t)
	file := s.Workspace + "/__main__.py"
	for _, test := range []struct {
		name, code     string
		stdin          string
		stdout, stderr string // FILE is the program's path
		exit           int
	}{
		{"value of the last line", "x = 20\nx * 2 + 2", "", "42\n", "", 0},
		{"a text as its representation", "'a\\n'", "", "'a\\n'\n", "", 0},
		{"None is not shown", "print(1)", "", "1\n", "", 0},
		{"only the last statement", "1\n2\n3; 4", "", "4\n", "", 0},
		{"an expression list", "1, 'b'", "", "(1, 'b')\n", "", 0},
		{"not an expression", "5\nx = 6", "", "", "", 0},
		{"nothing at all", "", "", "", "", 0},
		{"comment only", "# nothing", "", "", "", 0},
		{"a loop's value is none", "for i in range(2):\n    i", "", "", "", 0},
		{"names of the wrapper are free", "tree = 1; ast = 2; node = 3; code_obj = 4; main = 5; path = 6; module = 7; namespace = 8; sys = 9\ntree, ast, main, sys", "", "(1, 2, 5, 9)\n", "", 0},
		{"nothing of the wrapper is there", "sorted(k for k in globals() if not k.startswith('__'))", "", "[]\n", "", 0},
		{"it is __main__", "import sys\n__name__, __file__, sys.argv, sys.modules['__main__'].__file__", "", "('__main__', 'FILE', ['FILE'], 'FILE')\n", "", 0},
		{"docstring", "'''About this.'''\nx = 1\n__doc__", "", "'About this.'\n", "", 0},
		{"from __future__", "from __future__ import annotations\ndef f(x: not_there): pass\nf.__annotations__", "", "{'x': 'not_there'}\n", "", 0},
		{"from __future__ in the last line", "from __future__ import annotations\n(lambda: None)", "", "<function <lambda> at ", "", 0},
		{"a class can be pickled", "import pickle\nclass A: pass\ntype(pickle.loads(pickle.dumps(A()))) is A", "", "True\n", "", 0},
		{"functions see globals", "y = 1\ndef f():\n    global y\n    y += 1\n    return y\nf()", "", "2\n", "", 0},
		{"exit code", "import sys\nsys.exit(7)", "", "", "", 7},
		{"exit without one", "raise SystemExit", "", "", "", 0},
		{"exit with a text", "import sys\nsys.exit('why')", "", "", "why\n", 1},
		{"exit in the last line", "exit(3)", "", "", "", 3},
		{"traceback", "def f():\n    return 1 / 0\n\nf()", "", "", "Traceback (most recent call last):\n  File \"FILE\", line 4, in <module>\n    f()\n  File \"FILE\", line 2, in f\n    return 1 / 0\n           ~~^~~\nZeroDivisionError: division by zero\n", 1},
		{"traceback in a middle line", "x = {}\nx['a']\nprint(1)", "", "", "Traceback (most recent call last):\n  File \"FILE\", line 2, in <module>\n    x['a']\n    ~^^^^^\nKeyError: 'a'\n", 1},
		{"traceback of a cause", "try:\n    [][0]\nexcept IndexError as e:\n    raise ValueError('b') from e", "", "", "Traceback (most recent call last):\n  File \"FILE\", line 2, in <module>\n    [][0]\n    ~~^^^\nIndexError: list index out of range\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"FILE\", line 4, in <module>\n    raise ValueError('b') from e\nValueError: b\n", 1},
		{"syntax error", "x = 1\nprint(", "", "", "  File \"FILE\", line 2\n    print(\n         ^\nSyntaxError: '(' was never closed\n", 1},
		{"an error that only compiling shows", "print('not reached')\nreturn 5", "", "", "  File \"FILE\", line 2\n    return 5\n    ^^^^^^^^\nSyntaxError: 'return' outside function\n", 1},
		{"a hook for errors", "import sys\nsys.excepthook = lambda *a: print('hooked', a[0].__name__)\n1/0", "", "hooked ZeroDivisionError\n", "", 1},
		{"at exit", "import atexit\natexit.register(print, 'bye')\n5", "", "5\nbye\n", "", 0},
		{"a thread is waited for", "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.05), print('late'))).start()", "", "late\n", "", 0},
		{"input", "input() + '!'", "hello\n", "'hello!'\n", "", 0},
		{"no input", "try:\n    input()\nexcept EOFError:\n    print('end')", "", "end\n", "", 0},
		{"another encoding", "# -*- coding: utf-8 -*-\nprint('ünï')", "", "ünï\n", "", 0},
		{"a module beside it", "open('beside.py', 'w').write('v = 5')\nimport beside\nbeside.v", "", "5\n", "", 0},
		{"other processes import it", "import multiprocessing as m\ndef f(x): return x * x\nif __name__ == '__main__':\n    with m.get_context('spawn').Pool(1) as p: print(p.map(f, [3]))", "", "[9]\n", "", 0},
		{"its own displayhook", "import sys\nsys.displayhook = lambda v: print('shown', v)\n5", "", "shown 5\n", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := bash(t, c, "", func(r *wire.Run) {
				r.Argv, r.Python, r.TimeoutMS = nil, &wire.Python{Code: test.code, LastLine: true}, 60_000
				r.Env = []string{"PYTHONDONTWRITEBYTECODE=1", "PYTHONIOENCODING=utf-8"}
				if test.stdin != "" {
					r.Stdin = []byte(test.stdin)
				}
			})
			// Newer interpreters underline less or more: compare without.
			got, want := marks(string(out.Stderr)), marks(strings.ReplaceAll(test.stderr, "FILE", file))
			stdout := strings.ReplaceAll(test.stdout, "FILE", file)
			if !strings.HasPrefix(string(out.Stdout), stdout) || (strings.HasSuffix(stdout, "\n") || stdout == "") && string(out.Stdout) != stdout || got != want || exit(out.SandboxResult) != test.exit {
				t.Errorf("exit %d\n%s\n--- stderr\n%s", exit(out.SandboxResult), out.Stdout, out.Stderr)
			}
		})
	}
}

// marks drops the lines that only underline.
func marks(s string) string {
	var kept strings.Builder
	for line := range strings.Lines(s) {
		if strings.Trim(line, " ~^\n") != "" {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestAProgramByItself(t *testing.T) {
	c, _ := world(t)
	program := func(code string) wire.SandboxResult {
		return bash(t, c, "", func(r *wire.Run) { r.Argv, r.Python = nil, &wire.Python{Code: code} }).SandboxResult
	}
	out := bash(t, c, "", func(r *wire.Run) { r.Argv, r.Python = nil, &wire.Python{Code: "print(1)\n5"} })
	if string(out.Stdout) != "1\n" || exit(out.SandboxResult) != 0 {
		t.Errorf("%q %+v", out.Stdout, out.SandboxResult)
	}
	if res := program("raise SystemExit(9)"); exit(res) != 9 {
		t.Errorf("%+v", res)
	}
	// The program is none of its products.
	program("open('made', 'w').write('x')")
	if got, p := produced(t, c, 1000); len(got) != 1 || got["made"] != "x" || len(p.Skipped) != 0 {
		t.Errorf("%v %+v", got, p)
	}
}
