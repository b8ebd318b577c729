package acp

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/wire"
)

func TestTranslate(t *testing.T) {
	code := 3
	for name, c := range map[string]struct {
		in   string
		want []Event
	}{
		"text":     {`{"sessionUpdate":"agent_message_chunk","messageId":"m","content":{"type":"text","text":"hi"}}`, []Event{Text{Message: "m", Text: "hi"}}},
		"thought":  {`{"sessionUpdate":"agent_thought_chunk","content":{"type":"text","text":"hm"}}`, []Event{Text{Thought: true, Text: "hm"}}},
		"empty":    {`{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":""}}`, nil},
		"unknown":  {`{"sessionUpdate":"from_the_future","content":[1]}`, nil},
		"not json": {`[`, nil},
		"diff":     {`{"sessionUpdate":"tool_call","toolCallId":"t","title":"Write","kind":"edit","status":"pending","content":[{"type":"diff","path":"/a","oldText":null,"newText":"x"}],"locations":[{"path":"/a","line":2}]}`, []Event{Tool{Started: true, Call: wire.Tool{ID: "t", Title: "Write", Kind: "edit", Status: "pending", Content: []wire.Content{{Type: "diff", Path: "/a", New: "x"}}, Locations: []wire.Location{{Path: "/a", Line: 2}}}}}},
		"began in": {`{"sessionUpdate":"tool_call","toolCallId":"t","kind":"execute","_meta":{"terminal_info":{"cwd":"/workspace/api","terminal_id":"t"}}}`, []Event{Tool{Started: true, Call: wire.Tool{ID: "t", Kind: "execute", Dir: "/workspace/api"}}}},
		"command":  {`{"sessionUpdate":"tool_call_update","toolCallId":"t","status":"completed","_meta":{"terminal_output_delta":{"data":"out"},"terminal_exit":{"exit_code":3}}}`, []Event{Tool{Call: wire.Tool{ID: "t", Status: "completed"}, More: "out", Exit: &code}}},
		"raw":      {`{"sessionUpdate":"tool_call_update","toolCallId":"t","rawOutput":{"stdout":"o","exit_code":3}}`, []Event{Tool{Call: wire.Tool{ID: "t"}, Output: []wire.Content{{Type: "text", Text: "o"}}, Exit: &code}}},
		"plan":     {`{"sessionUpdate":"plan","entries":[{"content":"do","status":"pending","priority":"high"}]}`, []Event{Plan{wire.Plan{Steps: []wire.PlanStep{{Text: "do", Status: "pending"}}}}}},
		"usage":    {`{"sessionUpdate":"usage_update","used":5,"size":10,"cost":{"amount":0.5,"currency":"USD"}}`, []Event{Usage{Context: wire.Context{Used: 5, Size: 10}, CostUSD: 0.5}}},
		"mode":     {`{"sessionUpdate":"current_mode_update","currentModeId":"plan"}`, []Event{Modes{wire.Options{Current: "plan"}}}},
		"options":  {`{"sessionUpdate":"config_option_update","configOptions":[{"id":"model","category":"model","type":"select","currentValue":"a","options":[{"group":"g","name":"G","options":[{"value":"a","name":"A"}]},{"value":"b","name":"B"}]},{"id":"x","type":"boolean","currentValue":true}]}`, []Event{Models{wire.Options{Current: "a", Options: []wire.Option{{ID: "a", Name: "A"}, {ID: "b", Name: "B"}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := (&Conn{}).translate(json.RawMessage(c.in))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
