package model

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

type openaiRequest struct {
	Model string `json:"model"`
	Input []struct {
		Type    string          `json:"type"`
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
		Output  json.RawMessage `json:"output"`
	} `json:"input"`
	Tools []struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"tools"`
}

// call reads what is asked. Context that the agent adds is passed over.
func (q openaiRequest) call() Call {
	c := Call{OpenAI: true}
	for _, t := range q.Tools {
		c.Tools = append(c.Tools, t.Name)
	}
	for _, in := range q.Input {
		switch {
		case strings.HasSuffix(in.Type, "_call_output"):
			c.IsResult, c.Result = true, text(in.Output)
		case in.Type == "message" && in.Role == "user":
			var parts []struct {
				Type string `json:"type"`
				Text string `json:"text"`
				URL  string `json:"image_url"`
			}
			json.Unmarshal(in.Content, &parts)
			c.Images = nil
			for _, p := range parts {
				switch {
				case p.Type == "input_text" && !strings.HasPrefix(strings.TrimSpace(p.Text), "<") && !strings.HasPrefix(p.Text, "# "):
					c.Text, c.IsResult = p.Text, false
				case p.Type == "input_image":
					mime, _, _ := strings.Cut(strings.TrimPrefix(p.URL, "data:"), ";")
					c.Images = append(c.Images, mime)
				}
			}
		}
	}
	return c
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func (s *Server) responses(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var q openaiRequest
	if err != nil || json.Unmarshal(body, &q) != nil {
		openaiError(w, http.StatusBadRequest)
		return
	}
	c := q.call()
	n := s.record(r, body, c)
	a := s.reply(c)
	if a.Status != 0 {
		openaiError(w, a.Status)
		return
	}
	if a.Hang {
		<-r.Context().Done()
		return
	}
	st := s.stream(w, r)
	defer st.close()
	seq := 0
	event := func(name string, data map[string]any) {
		data["type"], data["sequence_number"] = name, seq
		seq++
		st.event(name, data)
	}
	response := map[string]any{"id": fmt.Sprintf("resp_%06d", n), "object": "response", "model": q.Model, "status": "in_progress", "output": []any{}}
	event("response.created", map[string]any{"response": response})
	index := 0
	if a.Thinking != "" {
		id := fmt.Sprintf("rs_%06d", n)
		item := map[string]any{"type": "reasoning", "id": id, "summary": []any{}}
		event("response.output_item.added", map[string]any{"output_index": index, "item": item})
		event("response.reasoning_summary_text.delta", map[string]any{"item_id": id, "output_index": index, "summary_index": 0, "delta": a.Thinking})
		item["summary"] = []any{map[string]any{"type": "summary_text", "text": a.Thinking}}
		event("response.output_item.done", map[string]any{"output_index": index, "item": item})
		index++
	}
	if a.Text != "" {
		id := fmt.Sprintf("msg_%06d", n)
		item := map[string]any{"type": "message", "id": id, "role": "assistant", "status": "in_progress", "content": []any{}}
		event("response.output_item.added", map[string]any{"output_index": index, "item": item})
		if !st.words(a.Text, a.Slow, func(p string) {
			event("response.output_text.delta", map[string]any{"item_id": id, "output_index": index, "content_index": 0, "delta": p})
		}) {
			return
		}
		item["status"], item["content"] = "completed", []any{map[string]any{"type": "output_text", "text": a.Text, "annotations": []any{}}}
		event("response.output_item.done", map[string]any{"output_index": index, "item": item})
		index++
	}
	if t := a.Tool; t != nil {
		item := map[string]any{"id": fmt.Sprintf("fc_%06d", n), "call_id": fmt.Sprintf("call_%06d", n), "name": t.Name, "status": "completed"}
		if t.Custom != "" {
			item["type"], item["input"] = "custom_tool_call", t.Custom
		} else {
			b, _ := json.Marshal(t.Input)
			item["type"], item["arguments"] = "function_call", string(b)
		}
		event("response.output_item.added", map[string]any{"output_index": index, "item": item})
		event("response.output_item.done", map[string]any{"output_index": index, "item": item})
	}
	response["status"] = "completed"
	out := outputOf(a)
	s.used(n, len(body)/4-10, out) // cached ones are among its input
	response["usage"] = map[string]any{
		"input_tokens": len(body) / 4, "input_tokens_details": map[string]any{"cached_tokens": 10},
		"output_tokens": out, "output_tokens_details": map[string]any{"reasoning_tokens": 0}, "total_tokens": len(body)/4 + out,
	}
	event("response.completed", map[string]any{"response": response})
}

func openaiError(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"type": "scripted_error", "code": status, "message": fmt.Sprintf("scripted error %d", status)}})
}
