package api

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestFilesFitByNameThenPath(t *testing.T) {
	names := []string{"README.md", "cmd/main.go", "internal/domain/remainder.go", "main.go", "web/Main.tsx", "docs/mai_n.md", "ümlaut.txt"}
	for q, want := range map[string][]string{
		"main":     {"main.go", "cmd/main.go", "web/Main.tsx", "internal/domain/remainder.go", "docs/mai_n.md"},
		"MAIN.G":   {"main.go", "cmd/main.go", "internal/domain/remainder.go"},
		"cmd/":     {"cmd/main.go"},
		"cmdgo":    {"cmd/main.go"},
		"üml":      {"ümlaut.txt"},
		"nowhere!": {},
	} {
		if diff := cmp.Diff(want, fitting(names, q, 20)); diff != "" {
			t.Errorf("%q: %s", q, diff)
		}
	}
	if got := fitting(names, "", 3); len(got) != 3 || got[0] != "main.go" {
		t.Errorf("everything: %q", got)
	}
}

func TestOddFileNamesAreLeftOut(t *testing.T) {
	out := strings.Join([]string{"a.go", "with space.go", "日本.txt", "", "new\nline", "\x1b[31mred", "rtl\u202egpj.exe", "bad\xff", "/etc/passwd", "../up", "a/../b", "nested/", strings.Repeat("x", 1001), "no end"}, "\x00")
	if diff := cmp.Diff([]string{"a.go", "with space.go", "日本.txt"}, fileNames([]byte(out))); diff != "" {
		t.Error(diff)
	}
}

func FuzzFileNames(f *testing.F) {
	f.Add([]byte("a\x00b/c\x00"), "a")
	f.Fuzz(func(t *testing.T, out []byte, q string) {
		names := fileNames(out)
		for _, n := range fitting(names, q, 20) {
			if !utf8.ValidString(n) || strings.ContainsAny(n, "\x00\n\x1b") || strings.HasPrefix(n, "/") {
				t.Errorf("%q", n)
			}
		}
	})
}

func BenchmarkFitting(b *testing.B) {
	var names []string
	for i := range 50_000 {
		names = append(names, fmt.Sprintf("packages/p%d/src/components/file%d.tsx", i%100, i))
	}
	for b.Loop() {
		fitting(names, "file49", filesGiven)
	}
}
