package model

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

type anthropicRequest struct {
	Model    string `json:"model"`
	Stream   bool   `json:"stream"`
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Tools []struct {
		Name string `json:"name"`
	} `json:"tools"`
}

type anthropicBlock struct {
	Type    string          `json:"type"`
	Text    string          `json:"text"`
	Content json.RawMessage `json:"content"` // of a tool_result
	Source  struct {
		MIME string `json:"media_type"`
	} `json:"source"`
}

func blocks(raw json.RawMessage) []anthropicBlock {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return []anthropicBlock{{Type: "text", Text: s}}
	}
	var b []anthropicBlock
	json.Unmarshal(raw, &b)
	return b
}

// call reads what is asked. Reminders that the agent adds are passed over.
func (q anthropicRequest) call() Call {
	var c Call
	for _, t := range q.Tools {
		c.Tools = append(c.Tools, t.Name)
	}
	for i, m := range q.Messages {
		if m.Role != "user" {
			continue
		}
		last := i == len(q.Messages)-1
		for _, b := range blocks(m.Content) {
			switch {
			case b.Type == "text" && !strings.HasPrefix(strings.TrimSpace(b.Text), "<"):
				c.Text, c.IsResult = b.Text, false
			case b.Type == "tool_result":
				c.Result, c.IsResult = "", true
				for _, t := range blocks(b.Content) {
					c.Result += t.Text
				}
			case b.Type == "image" && last:
				c.Images = append(c.Images, b.Source.MIME)
			}
		}
	}
	return c
}

func (s *Server) messages(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var q anthropicRequest
	if err != nil || json.Unmarshal(body, &q) != nil {
		anthropicError(w, http.StatusBadRequest)
		return
	}
	c := q.call()
	n := s.record(r, body, c)
	id := fmt.Sprintf("msg_%06d", n)
	a := s.reply(c)
	if a.Status == 0 && !a.Hang {
		s.used(n, len(body)/4, outputOf(a))
	}
	switch {
	case a.Status != 0:
		anthropicError(w, a.Status)
	case a.Hang:
		<-r.Context().Done()
	case q.Stream:
		s.streamMessage(w, r, q, a, id, len(body)/4)
	default:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"id": id, "type": "message", "role": "assistant", "model": q.Model, "content": content(a, id),
			"stop_reason": stopReason(a), "stop_sequence": nil, "usage": usage(len(body)/4, a),
		})
	}
}

func (s *Server) streamMessage(w http.ResponseWriter, r *http.Request, q anthropicRequest, a Reply, id string, in int) {
	st := s.stream(w, r)
	defer st.close()
	st.event("message_start", map[string]any{"type": "message_start", "message": map[string]any{
		"id": id, "type": "message", "role": "assistant", "model": q.Model, "content": []any{},
		"stop_reason": nil, "stop_sequence": nil, "usage": usage(in, Reply{}),
	}})
	index := 0
	block := func(start map[string]any, fill func(delta func(map[string]any)) bool) bool {
		st.event("content_block_start", map[string]any{"type": "content_block_start", "index": index, "content_block": start})
		ok := fill(func(d map[string]any) {
			st.event("content_block_delta", map[string]any{"type": "content_block_delta", "index": index, "delta": d})
		})
		if ok {
			st.event("content_block_stop", map[string]any{"type": "content_block_stop", "index": index})
		}
		index++
		return ok
	}
	if a.Thinking != "" {
		block(map[string]any{"type": "thinking", "thinking": "", "signature": ""}, func(delta func(map[string]any)) bool {
			st.words(a.Thinking, false, func(p string) { delta(map[string]any{"type": "thinking_delta", "thinking": p}) })
			delta(map[string]any{"type": "signature_delta", "signature": "c2lnbmVk"})
			return true
		})
	}
	if a.Text != "" {
		if !block(map[string]any{"type": "text", "text": ""}, func(delta func(map[string]any)) bool {
			return st.words(a.Text, a.Slow, func(p string) { delta(map[string]any{"type": "text_delta", "text": p}) })
		}) {
			return
		}
	}
	if t := a.Tool; t != nil {
		block(map[string]any{"type": "tool_use", "id": "toolu_" + id, "name": t.Name, "input": map[string]any{}}, func(delta func(map[string]any)) bool {
			b, _ := json.Marshal(t.Input)
			for _, p := range pieces(string(b), 60) {
				delta(map[string]any{"type": "input_json_delta", "partial_json": p})
			}
			return true
		})
	}
	st.event("message_delta", map[string]any{"type": "message_delta",
		"delta": map[string]any{"stop_reason": stopReason(a), "stop_sequence": nil}, "usage": usage(in, a)})
	st.event("message_stop", map[string]any{"type": "message_stop"})
}

func content(a Reply, id string) []any {
	list := []any{}
	if a.Text != "" {
		list = append(list, map[string]any{"type": "text", "text": a.Text})
	}
	if a.Tool != nil {
		list = append(list, map[string]any{"type": "tool_use", "id": "toolu_" + id, "name": a.Tool.Name, "input": a.Tool.Input})
	}
	return list
}

func stopReason(a Reply) string {
	if a.Tool != nil {
		return "tool_use"
	}
	return "end_turn"
}

func usage(in int, a Reply) map[string]any {
	return map[string]any{
		"input_tokens": in, "output_tokens": outputOf(a),
		"cache_creation_input_tokens": 0, "cache_read_input_tokens": 10,
	}
}

func outputOf(a Reply) int { return 1 + len(strings.Fields(a.Text+" "+a.Thinking)) }

func (s *Server) countTokens(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.record(r, body, Call{})
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"input_tokens": %d}`, len(body)/4)
}

func anthropicError(w http.ResponseWriter, status int) {
	kind := map[int]string{400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}[status]
	if kind == "" {
		kind = "api_error"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Should-Retry", "false")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"type": "error", "error": map[string]any{"type": kind, "message": "scripted " + kind}})
}
