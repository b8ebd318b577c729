package conversation

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// A small ACP agent, run by the test binary itself: what the real ones cannot
// be made to do on demand.
//
//	say TEXT   cancels   flood N   huge   hang   ask   image   error
func actAsAgent(in io.Reader, out io.Writer) {
	var mu sync.Mutex
	send := func(v any) {
		b, _ := json.Marshal(v)
		mu.Lock()
		defer mu.Unlock()
		out.Write(append(b, '\n'))
	}
	update := func(u map[string]any) {
		send(map[string]any{"jsonrpc": "2.0", "method": "session/update", "params": map[string]any{"sessionId": "s1", "update": u}})
	}
	say := func(s string) {
		update(map[string]any{"sessionUpdate": "agent_message_chunk", "content": map[string]any{"type": "text", "text": s}})
	}
	options := func(mode string) []any {
		return []any{map[string]any{"id": "mode", "category": "mode", "type": "select", "currentValue": mode,
			"options": []any{map[string]any{"value": "careful", "name": "Careful"}, map[string]any{"value": "bold", "name": "Bold"}}}}
	}
	var asking json.RawMessage
	mode, cancels := "careful", 0
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params struct {
				Prompt []struct{ Type, Text string } `json:"prompt"`
				Value  string                        `json:"value"`
			} `json:"params"`
			Result json.RawMessage `json:"result"`
		}
		if json.Unmarshal(sc.Bytes(), &m) != nil {
			continue
		}
		reply := func(v any) { send(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": v}) }
		end := map[string]any{"stopReason": "end_turn", "usage": map[string]any{"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}}
		switch m.Method {
		case "initialize":
			reply(map[string]any{"protocolVersion": 1, "agentInfo": map[string]any{"name": "small", "version": "1"}, "agentCapabilities": map[string]any{"loadSession": true}})
		case "session/new":
			reply(map[string]any{"sessionId": "s1", "configOptions": options("careful")})
		case "session/load":
			say("history that is sent again")
			reply(map[string]any{"configOptions": options("careful")})
		case "session/set_config_option":
			mode = m.Params.Value
			reply(map[string]any{"configOptions": options(mode)})
		case "session/cancel": // not this one, but it counts
			cancels++
		case "session/prompt":
			verb, rest, _ := strings.Cut(m.Params.Prompt[0].Text, " ")
			switch verb {
			case "say":
				say(rest)
				reply(end)
			case "mode":
				say(mode)
				reply(end)
			case "cancels":
				say(fmt.Sprint(cancels))
				reply(end)
			case "flood":
				for i := range 5000 {
					say(fmt.Sprint(i, " "))
				}
				reply(end)
			case "print":
				for i, status := range []string{"in_progress", "in_progress", "completed"} {
					update(map[string]any{"sessionUpdate": "tool_call", "toolCallId": "t", "title": "print", "kind": "execute", "status": status,
						"content": []any{map[string]any{"type": "content", "content": map[string]any{"type": "text", "text": strings.Repeat("o", (i+1)*100<<10)}}}})
					time.Sleep(350 * time.Millisecond) // longer than two states of a tool lie apart
				}
				reply(end)
			case "huge":
				update(map[string]any{"sessionUpdate": "tool_call", "toolCallId": "t", "title": "big", "kind": "read", "status": "completed",
					"rawInput": map[string]any{"text": strings.Repeat("i", 3<<20)},
					"content":  []any{map[string]any{"type": "content", "content": map[string]any{"type": "text", "text": strings.Repeat("o", 20<<20)}}}})
				reply(end)
			case "hang":
				say("hanging")
			case "ask":
				asking = m.ID
				send(map[string]any{"jsonrpc": "2.0", "id": "q", "method": "session/request_permission", "params": map[string]any{"sessionId": "s1",
					"toolCall": map[string]any{"toolCallId": "t9", "title": "dangerous", "rawInput": map[string]any{"command": "rm"}},
					"options":  []any{map[string]any{"optionId": "y", "name": "Yes", "kind": "allow_once"}, map[string]any{"optionId": "n", "name": "No", "kind": "reject_once"}}}})
			case "error":
				send(map[string]any{"jsonrpc": "2.0", "id": m.ID, "error": map[string]any{"code": -32603, "message": "Internal error", "data": map[string]any{"details": "out of luck"}}})
			case "die":
				os.Exit(9)
			}
		case "":
			if asking != nil {
				say(string(m.Result))
				m.ID, asking = asking, nil
				reply(end)
			}
		}
	}
}
