package acp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func TestLongTextsAreCutAndLinesStayJSON(t *testing.T) {
	for name, s := range map[string]string{
		"plain":   strings.Repeat("x", 3*maxText),
		"wide":    strings.Repeat("ä€😀", maxText/4),
		"escapes": strings.Repeat("\\\"\n\u0001", maxText/2),
		"short":   "as it was",
	} {
		t.Run(name, func(t *testing.T) {
			in, err := json.Marshal(map[string]any{"params": map[string]string{"text": s}, "n": 1})
			if err != nil {
				t.Fatal(err)
			}
			b := newBounds(bytes.NewReader(append(in, '\n')), func(int) { t.Error("dropped") })
			out, err := io.ReadAll(b)
			if err != nil {
				t.Fatal(err)
			}
			var m struct{ Params struct{ Text string } }
			if err := json.Unmarshal(out, &m); err != nil {
				t.Fatal(err)
			}
			got := m.Params.Text
			if len(s) < maxText && got != s {
				t.Errorf("a short text became %q", got)
			}
			if len(s) > 2*maxText && (len(got) > maxText+100 || !strings.HasSuffix(got, cutMark) || !strings.HasPrefix(s, strings.TrimSuffix(got, cutMark))) {
				t.Errorf("%d bytes became %d, ending in %q", len(s), len(got), got[max(0, len(got)-20):])
			}
		})
	}
}

func TestALineOfManyTextsIsDroppedAndTheNextOneIsRead(t *testing.T) {
	var in bytes.Buffer
	in.WriteString("[")
	for range 12 {
		in.WriteString(`"` + strings.Repeat("y", maxText) + `",`)
	}
	in.WriteString("0]\n{\"id\":1}\n")
	size := in.Len() - len("{\"id\":1}\n")
	dropped := 0
	b := newBounds(&in, func(n int) { dropped = n })
	out, err := io.ReadAll(b)
	if err != nil || string(out) != "{\"id\":1}\n" || dropped != size {
		t.Errorf("read %.50q %v, dropped %d, want %d", out, err, dropped, size)
	}
}

// No more messages are let through than are handled.
func TestLinesAreHeldBackWhileManyWait(t *testing.T) {
	r, w := io.Pipe()
	b := newBounds(r, func(int) {})
	go func() {
		for range 3 * maxWaiting {
			io.WriteString(w, "{\"method\":\"session/update\"}\n")
		}
		io.WriteString(w, "{\"id\":1,\"result\":{}}\n")
		w.Close()
	}()
	sc := bufio.NewScanner(b)
	n := 0
	for sc.Scan() {
		n++
		if n%maxWaiting == 0 && n <= 3*maxWaiting {
			b.mu.Lock()
			if b.waiting != maxWaiting {
				t.Errorf("%d wait after %d lines", b.waiting, n)
			}
			b.mu.Unlock()
			for range maxWaiting {
				b.handled()
			}
		}
	}
	if n != 3*maxWaiting+1 {
		t.Errorf("%d lines", n)
	}
}

// The cutter never makes valid JSON invalid, and changes nothing that is short.
func FuzzCutter(f *testing.F) {
	f.Add([]byte(`{"a":"b\"c\\","d":["\u00e4",1.5]}`))
	f.Add([]byte(`"`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var c cutter
		for i := range in {
			c.write(in[i : i+1])
		}
		if len(in) < maxText && !bytes.Equal(c.out, in) {
			t.Errorf("%q became %q", in, c.out)
		}
	})
}
