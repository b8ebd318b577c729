package docker

import (
	"bufio"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func frame(stream byte, text string) string {
	head := []byte{stream, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
	return string(head) + text
}

const now, later = "2026-01-02T03:04:05.1Z ", "2026-01-02T03:04:05.2Z "

func TestLogLines(t *testing.T) {
	long := strings.Repeat("x", 16<<10)
	for name, tt := range map[string]struct{ frames, want string }{
		"nothing":                         {"", ""},
		"lines of both streams":           {frame(1, now+"out\n") + frame(2, later+"err\n"), now + "out\n" + later + "err\n"},
		"a long line has one time":        {frame(1, now+long) + frame(1, later+long) + frame(1, later+"end\n"), now + long + long + "end\n"},
		"streams do not mix within lines": {frame(1, now+long) + frame(2, later+"err\n") + frame(1, later+"end\n"), later + "err\n" + now + long + "end\n"},
		"no end of line at the end":       {frame(1, now+"out\n") + frame(1, now+"last"), now + "out\n" + now + "last\n"},
		"an empty line":                   {frame(1, now+"\n"), now + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &lines{from: bufio.NewReader(iotest.HalfReader(strings.NewReader(tt.frames)))}
			got, err := io.ReadAll(l)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLogCutOffIsAnError(t *testing.T) {
	whole := frame(1, now+"out\n")
	for _, text := range []string{whole[:4], whole[:12], frame(7, "?")} {
		if _, err := io.ReadAll(&lines{from: bufio.NewReader(strings.NewReader(text))}); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func FuzzLogLines(f *testing.F) {
	f.Add([]byte(frame(1, now+"out\n") + frame(2, now)))
	f.Add([]byte(frame(1, "") + frame(1, " ")))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := io.ReadAll(&lines{from: bufio.NewReader(strings.NewReader(string(data)))})
		if err == nil && len(got) > 0 && got[len(got)-1] != '\n' {
			t.Errorf("%q ends without an end of line", got)
		}
	})
}
