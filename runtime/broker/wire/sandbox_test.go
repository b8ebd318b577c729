package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
	"testing"
)

func TestSandboxPath(t *testing.T) {
	for in, want := range map[string]string{
		"a": "a", "./a//b/.": "a/b", "a/": "a", ".hidden": ".hidden", "...": "...", "a\nb": "a\nb", `..\x`: `..\x`, " ": " ",
		"": "", ".": "", "./": "", "/a": "", "..": "", "a/../b": "", "a/..": "", "a\x00": "", "\xff": "",
		strings.Repeat("x", 255): strings.Repeat("x", 255), strings.Repeat("x", 256): "", strings.Repeat("x/", 2500): "",
	} {
		got, err := SandboxPath(in)
		if got != want || (err != nil) != (want == "") || err != nil && !errors.Is(err, ErrPath) {
			t.Errorf("%.40q: %.40q %v", in, got, err)
		}
	}
}

func FuzzSandboxPath(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "/etc", "a/./b//", "a\x00b", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := SandboxPath(s)
		if err != nil {
			if p != "" {
				t.Errorf("%q: %q beside an error", s, p)
			}
			return
		}
		if p == "" || p != path.Clean(p) || path.IsAbs(p) || p == ".." || strings.HasPrefix(p, "../") || strings.ContainsRune(p, 0) || !strings.HasPrefix(path.Join("/workspace", p), "/workspace/") {
			t.Errorf("%q became %q", s, p)
		}
		if again, err := SandboxPath(p); err != nil || again != p {
			t.Errorf("%q is not clean: %q %v", p, again, err)
		}
	})
}

func TestFrames(t *testing.T) {
	b := AppendFrame(nil, FrameStdout, []byte("out"))
	b = AppendFrame(b, FrameStderr, nil)
	b, err := AppendFrameJSON(b, FrameResult, Produced{Files: 3})
	if err != nil {
		t.Fatal(err)
	}
	r, buf := bufio.NewReader(bytes.NewReader(b)), []byte(nil)
	for _, want := range []string{"oout", "e", `r{"files":3}`} {
		var kind byte
		var data []byte
		if kind, data, buf, err = ReadFrame(r, buf); err != nil || string(kind)+string(data) != want {
			t.Errorf("%c %q %v, not %q", kind, data, err, want)
		}
	}
	if _, _, _, err := ReadFrame(r, buf); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for text, want := range map[string]error{"o\x00\x00": io.ErrUnexpectedEOF, "o\x00\x00\x00\x05abc": io.ErrUnexpectedEOF, "o\x00\x00\x00\x05": io.ErrUnexpectedEOF, "o\xff\xff\xff\xff": ErrFrame} {
		if _, _, _, err := ReadFrame(bufio.NewReader(strings.NewReader(text)), nil); !errors.Is(err, want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := AppendFrameJSON(nil, FrameResult, strings.Repeat("x", MaxFrame)); err == nil {
		t.Error("a frame without bounds was made")
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("o\x00\x00\x00\x01x"))
	f.Add([]byte("r\x7f\xff\xff\xffx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, buf := bufio.NewReader(bytes.NewReader(b)), []byte(nil)
		for {
			kind, data, grown, err := ReadFrame(r, buf)
			if err != nil {
				return
			}
			if len(data) > MaxFrame || !bytes.Contains(b, AppendFrame(nil, kind, data)) {
				t.Errorf("%q is not in %q", data, b)
			}
			buf = grown
		}
	})
}
