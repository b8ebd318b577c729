package source

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func pkt(line string) string { return fmt.Sprintf("%04x%s", len(line)+4, line) }

func TestAPushIsTold(t *testing.T) {
	a, b, none := strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("0", 40)
	first := pkt(a + " " + b + " refs/heads/x\x00 report-status side-band-64k")
	for name, c := range map[string]struct{ body, want string }{
		"one":                {first + "0000PACK", "refs/heads/x bbbbbbbbbbbb"},
		"two, one deleted":   {first + pkt(a+" "+none+" refs/tags/v1\n") + "0000", "refs/heads/x bbbbbbbbbbbb, delete refs/tags/v1"},
		"a shallow one":      {pkt("shallow "+a) + first + "0000", "refs/heads/x bbbbbbbbbbbb"},
		"without an end":     {first, "refs/heads/x bbbbbbbbbbbb"},
		"a length too long":  {"ffffabc", ""},
		"a length too short": {"0003" + first, ""},
		"no length":          {"zzzz" + first, ""},
		"nothing":            {"", ""},
		"words":              {pkt("x y z") + "0000", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := bufio.NewReaderSize(strings.NewReader(c.body), maxCommands)
			if got := pushed(r); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if left, _ := io.ReadAll(r); string(left) != c.body {
				t.Errorf("%d of %d bytes are left for git", len(left), len(c.body))
			}
		})
	}
}

func FuzzPushed(f *testing.F) {
	f.Add([]byte(pkt(strings.Repeat("a", 40)+" "+strings.Repeat("b", 40)+" refs/heads/x") + "0000"))
	f.Add([]byte("ffff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := bufio.NewReaderSize(strings.NewReader(string(body)), maxCommands)
		if got := pushed(r); len(got) > maxTold+len("…") || !utf8.ValidString(got) {
			t.Errorf("%q", got)
		}
		if left, _ := io.ReadAll(r); string(left) != string(body) {
			t.Error("the body is not whole")
		}
	})
}
