package meter

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/wire"
)

const (
	anthropic = `event: message_start
data: {"type":"message_start","message":{"id":"m","model":"claude-sonnet-4-6-20260101","content":[],"usage":{"input_tokens":100,"output_tokens":1,"cache_read_input_tokens":40,"cache_creation_input_tokens":7}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"KIND","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\"usage\""}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":0,"output_tokens":9}}

event: message_stop
data: {"type":"message_stop"}

`
	openai = `data: {"type":"response.created","response":{"model":"gpt-5.5","output":[],"error":null,"usage":null}}

data: {"type":"response.output_text.done","content":"text in its place","output":"too"}

data: {"type":"response.output_item.done","item":{"type":"KIND"}}

data: {"type":"response.completed","response":{"model":"gpt-5.5","output":[{"type":"KIND"}],"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":30},"output_tokens":8}}}

data: [DONE]
`
	whole = `{"id":"m","type":"message","model":"claude-haiku-4-5","content":[{"type":"text","text":"A title"}],"usage":{"input_tokens":5,"output_tokens":2}}`
	work  = `{"model":"asked","tools":[{"name":"Bash"}]}`
	aside = `{"model":"asked"}`
)

// exchange is one question and the answer to it.
type exchange struct {
	path, body string
	status     int
	answer     string
}

func (x exchange) pass(t *testing.T, m *Meter, first int, through func(io.Reader) io.Reader) error {
	t.Helper()
	reading := m.Begin(httptest.NewRequest(http.MethodPost, x.path, nil), []byte(x.body))
	if reading == nil {
		t.Fatalf("%s is not read", x.path)
	}
	kind := "application/json"
	if strings.Contains(x.answer, "data:") {
		kind = "text/event-stream; charset=utf-8"
	}
	first = min(first, len(x.answer))
	res := &http.Response{StatusCode: max(x.status, 200), Header: http.Header{"Content-Type": {kind}},
		Body: io.NopCloser(through(strings.NewReader(x.answer[first:])))}
	got, err := io.ReadAll(reading.Along(res, []byte(x.answer[:first])))
	if err == nil && string(got) != x.answer[first:] {
		t.Errorf("passed on %q of %q", got, x.answer[first:])
	}
	return err
}

func TestAnswersAreCounted(t *testing.T) {
	say, call := "text", "tool_use"
	claude := func(body, kind string) exchange {
		return exchange{"/models/anthropic/v1/messages", body, 200, strings.ReplaceAll(anthropic, "KIND", kind)}
	}
	codex := func(body, kind string) exchange {
		return exchange{"/models/openai/v1/responses", body, 200, strings.ReplaceAll(openai, "KIND", kind)}
	}
	refusal := func(body string) exchange {
		return exchange{"/models/openai/v1/responses", body, 400, `{"error":{"message":"too long"}}`}
	}
	sonnet := wire.Spent{Model: "claude-sonnet-4-6-20260101", Input: 100, Output: 9, CacheRead: 40, CacheWrite: 7}
	gpt := wire.Spent{Model: "gpt-5.5", Input: 70, Output: 8, CacheRead: 30}
	refused := `API error: 400 {"error":{"message":"too long"}}`
	for name, c := range map[string]struct {
		what []exchange
		want Sum
	}{
		"a stream of Anthropic": {[]exchange{claude(work, say)}, Sum{[]wire.Spent{sonnet}, sonnet.Model, ""}},
		"a stream of OpenAI":    {[]exchange{codex(work, "message")}, Sum{[]wire.Spent{gpt}, gpt.Model, ""}},
		"two models, one twice": {[]exchange{claude(work, call), {"/models/anthropic/v1/messages", aside, 200, whole}, claude(work, say)},
			Sum{[]wire.Spent{{Model: sonnet.Model, Input: 200, Output: 18, CacheRead: 80, CacheWrite: 14}, {Model: "claude-haiku-4-5", Input: 5, Output: 2}}, sonnet.Model, ""}},
		"a refusal":                       {[]exchange{codex(work, "function_call"), refusal(work)}, Sum{[]wire.Spent{gpt}, "asked", refused}},
		"a refusal of what is unreadable": {[]exchange{refusal("\x28\xb5")}, Sum{nil, "", refused}},
		"asked again":                     {[]exchange{refusal(work), codex(work, "message")}, Sum{[]wire.Spent{gpt}, gpt.Model, ""}},
		"refused aside":                   {[]exchange{codex(work, "function_call"), refusal(aside)}, Sum{[]wire.Spent{gpt}, gpt.Model, ""}},
		"refused after the end":           {[]exchange{codex(work, "message"), refusal(work)}, Sum{[]wire.Spent{gpt}, "asked", ""}},
		"refused in the middle": {[]exchange{{"/models/anthropic/v1/messages", work, 200, "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"}},
			Sum{nil, "asked", `API error: {"message":"Overloaded"}`}},
		"a failed response": {[]exchange{{"/models/openai/v1/responses", work, 200, "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"no\"}}}\n"}},
			Sum{nil, "asked", `API error: {"message":"no"}`}},
		"nothing that is known": {[]exchange{{"/models/anthropic/v1/messages", work, 200, "data: {\n\ndata: 7\nx\n"}, {"/models/x/v1/messages", work, 200, "<p>"}}, Sum{Main: "asked"}},
	} {
		t.Run(name, func(t *testing.T) {
			// A stream comes in pieces; where they end says nothing.
			for _, first := range []int{0, 1, 300, 1 << 20} {
				for _, through := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
					var m Meter
					for _, x := range c.what {
						if err := x.pass(t, &m, first, through); err != nil {
							t.Fatal(err)
						}
					}
					if d := cmp.Diff(c.want, m.Take()); d != "" {
						t.Errorf("%d at first (-want +got):\n%s", first, d)
					}
					if again := m.Take(); len(again.Models) > 0 || again.Refused != "" {
						t.Errorf("told twice: %+v", again)
					}
				}
			}
		})
	}
}

// What was counted before an answer was cut counts, and the cut is passed on.
func TestACutAnswer(t *testing.T) {
	var m Meter
	cut := errors.New("cut")
	broken := func(r io.Reader) io.Reader { return io.MultiReader(io.LimitReader(r, 400), iotest.ErrReader(cut)) }
	if err := (exchange{"/models/anthropic/v1/messages", work, 200, anthropic}).pass(t, &m, 0, broken); !errors.Is(err, cut) {
		t.Errorf("passed on: %v", err)
	}
	if err := (exchange{"/models/anthropic/v1/messages", work, 200, whole + strings.Repeat(" ", 500)}).pass(t, &m, 0, broken); !errors.Is(err, cut) {
		t.Errorf("passed on: %v", err)
	}
	if got := m.Take().Models; !slices.Equal(got, []wire.Spent{{Model: "claude-sonnet-4-6-20260101", Input: 100, Output: 1, CacheRead: 40, CacheWrite: 7}}) {
		t.Errorf("counted %+v", got)
	}
}

// Other paths are not answers of a model, and a line without end costs no memory.
func TestWhatIsNotRead(t *testing.T) {
	var m Meter
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/models/anthropic/v1/messages/count_tokens", nil),
		httptest.NewRequest(http.MethodGet, "/models/openai/v1/models", nil),
		httptest.NewRequest(http.MethodPost, "/git/1/git-upload-pack", nil),
	} {
		if m.Begin(r, nil) != nil {
			t.Errorf("%s %s is read", r.Method, r.URL.Path)
		}
	}
	x := m.Begin(httptest.NewRequest(http.MethodPost, "/models/anthropic/v1/messages", nil), nil)
	for range 20 {
		x.Write([]byte("data: " + strings.Repeat("x", 1<<20)))
	}
	if cap(x.line) > 2*maxTold {
		t.Errorf("%d bytes are kept", cap(x.line))
	}
	x.Write([]byte("\n" + anthropic))
	if got := m.Take().Models; len(got) != 1 || got[0].Output != 9 {
		t.Errorf("counted %+v", got)
	}
}
