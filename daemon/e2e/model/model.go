// Package model is a scripted model for tests and the benchmark: a server that
// speaks Anthropic Messages and OpenAI Responses as far as the real agents use
// them, and answers by rules on the last thing the user said:
//
//	write FILE            the tool that writes FILE with Content in it
//	run COMMAND           the tool that runs COMMAND in a shell
//	tool NAME {JSON}      any tool
//	slow N                N words, one every Tick; may be paused
//	think TEXT            thinking, then TEXT
//	fail STATUS           an error of the provider: 401, 429, 529, …
//	hang                  nothing, until the client gives up
//	anything else         is echoed
//
// After a tool's result it says "Done." and the beginning of the result.
package model

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// Content is what the rule "write" puts into a file.
const Content = "hello from the model\n"

// Tick is the default pause between the words of "slow".
const Tick = 20 * time.Millisecond

// Server is a scripted model. Make it with New.
type Server struct {
	mu       sync.Mutex
	requests []Request
	tick     time.Duration
	paused   chan struct{} // closed when not paused
	rules    []Rule
	streams  int
	count    int

	ln  net.Listener
	srv *http.Server
}

// Request is one that came, as it came.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
	Text         string // what the user said last
	Side         bool   // a side question of the agent, without tools: a title
	At           time.Time
	Input        int // tokens that the answer said it took, without cached ones
	Output       int // and gave
}

// Rule answers when Match says so; rules that were added later are asked first.
type Rule struct {
	Match func(Call) bool
	Reply func(Call) Reply
}

// Call is a request in the model's terms.
type Call struct {
	Text     string   // what the user said last
	Result   string   // of the tool that was called last, when that is what came last
	IsResult bool     // the last thing is a tool's result
	Images   []string // MIME types in the last message
	Tools    []string // names of the tools on offer
	OpenAI   bool
}

// Reply is what the model says.
type Reply struct {
	Thinking string
	Text     string
	Tool     *ToolCall
	Slow     bool // one word every tick
	Status   int  // an HTTP error instead
	Hang     bool
}

// ToolCall asks the agent to use a tool.
type ToolCall struct {
	Name   string
	Input  any
	Custom string // input of a tool that takes plain text (OpenAI)
}

// New gives a server that is not listening; Handler may be used anywhere.
func New() *Server {
	s := &Server{tick: Tick, paused: make(chan struct{})}
	close(s.paused)
	return s
}

// Start listens on a loopback port and returns the base URL.
func (s *Server) Start() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s.ln, s.srv = ln, &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go s.srv.Serve(ln) // ends with Close
	return "http://" + ln.Addr().String(), nil
}

// Close ends what Start began.
func (s *Server) Close() {
	s.Resume()
	if s.srv != nil {
		s.srv.Close()
	}
}

// Handler serves both protocols.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/messages", s.messages)
	mux.HandleFunc("POST /v1/messages/count_tokens", s.countTokens)
	mux.HandleFunc("POST /v1/responses", s.responses)
	mux.HandleFunc("GET /v1/models", s.models)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.record(r, nil, Call{})
		http.NotFound(w, r)
	})
	return mux
}

// Rule adds a rule before all others.
func (s *Server) Rule(r Rule) {
	s.mu.Lock()
	s.rules = append([]Rule{r}, s.rules...)
	s.mu.Unlock()
}

// SetTick changes the pause between the words of "slow".
func (s *Server) SetTick(d time.Duration) {
	s.mu.Lock()
	s.tick = d
	s.mu.Unlock()
}

// Pause stops all streams after their current word; Resume lets them go on.
func (s *Server) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.paused:
		s.paused = make(chan struct{})
	default:
	}
}

// Resume undoes Pause.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.paused:
	default:
		close(s.paused)
	}
}

// Streams counts the answers that are under way.
func (s *Server) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams
}

// Requests gives all that came so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

func (s *Server) record(r *http.Request, body []byte, c Call) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Body: body, Text: c.Text, Side: len(c.Tools) == 0, At: time.Now()})
	return s.count
}

// used notes what the answer to the n-th request says of its cost.
func (s *Server) used(n, input, output int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[n-1].Input, s.requests[n-1].Output = input, output
}

func (s *Server) models(w http.ResponseWriter, r *http.Request) {
	s.record(r, nil, Call{})
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte(`{"object":"list","data":[{"type":"model","object":"model","id":"scripted","display_name":"Scripted","created_at":"2026-01-01T00:00:00Z"}],"has_more":false}`))
}
