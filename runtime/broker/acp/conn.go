package acp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	sdk "github.com/coder/acp-go-sdk"

	"volundr/runtime/broker/wire"
)

// Conn is a connection to an agent. The handler of its messages only enqueues:
// the library gives up on a reader that is slow.
type Conn struct {
	conn    *sdk.Connection
	bounds  *bounds
	events  *queue
	choices choices
}

// ErrClosed: the agent went away.
var ErrClosed = errors.New("the agent ended")

// Dial begins to speak to the agent behind rw.
func Dial(rw io.ReadWriter, log *slog.Logger) *Conn {
	c := &Conn{events: newQueue()}
	c.bounds = newBounds(rw, func(n int) { c.events.put(Dropped{n}) })
	c.conn = sdk.NewConnection(c.handle, rw, c.bounds)
	c.conn.SetLogger(slog.New(quiet{log.Handler()}))
	return c
}

// quiet keeps what the agent says out of the log: the library logs whole
// messages at Error.
type quiet struct{ slog.Handler }

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	return q.Handler.Handle(ctx, slog.NewRecord(r.Time, slog.LevelDebug, "ACP: "+r.Message, r.PC))
}
func (q quiet) Enabled(ctx context.Context, _ slog.Level) bool {
	return q.Handler.Enabled(ctx, slog.LevelDebug)
}

// Done is closed when the agent went away.
func (c *Conn) Done() <-chan struct{} { return c.conn.Done() }

// Drain waits, after Done, until all that the agent said has been enqueued.
func (c *Conn) Drain(longest time.Duration) { c.bounds.drain(longest) }

// Take gives the events that came since the last call; More gives a
// signal when there are some.
func (c *Conn) Take() []Event         { return c.events.take() }
func (c *Conn) More() <-chan struct{} { return c.events.more() }

// handle is called by the library for each message, notifications in order.
func (c *Conn) handle(ctx context.Context, method string, params json.RawMessage) (any, *sdk.RequestError) {
	defer c.bounds.handled()
	switch method {
	case sdk.ClientMethodSessionUpdate:
		var p struct {
			Update json.RawMessage `json:"update"`
		}
		if json.Unmarshal(params, &p) == nil {
			for _, e := range c.translate(p.Update) {
				c.events.put(e)
			}
		}
		return nil, nil
	case sdk.ClientMethodSessionRequestPermission:
		return c.ask(ctx, params)
	default:
		return nil, sdk.NewMethodNotFound(method)
	}
}

func (c *Conn) ask(ctx context.Context, params json.RawMessage) (any, *sdk.RequestError) {
	var p struct {
		ToolCall toolUpdate `json:"toolCall"`
		Options  []struct {
			ID   string `json:"optionId"`
			Name string `json:"name"`
			Kind string `json:"kind"`
		} `json:"options"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, sdk.NewInvalidParams(err.Error())
	}
	chosen := make(chan string, 1)
	a := Ask{Tool: p.ToolCall.tool(), Reply: func(o string) {
		select {
		case chosen <- o:
		default:
		}
	}}
	for _, o := range p.Options {
		a.Options = append(a.Options, wire.Option{ID: o.ID, Name: o.Name, Kind: o.Kind})
	}
	c.events.put(a)
	select {
	case o := <-chosen:
		if o != "" {
			return sdk.RequestPermissionResponse{Outcome: sdk.NewRequestPermissionOutcomeSelected(sdk.PermissionOptionId(o))}, nil
		}
	case <-ctx.Done():
	}
	return sdk.RequestPermissionResponse{Outcome: sdk.NewRequestPermissionOutcomeCancelled()}, nil
}

// Initialize opens the protocol.
func (c *Conn) Initialize(ctx context.Context) (Info, error) {
	res, err := sdk.SendRequest[struct {
		AgentInfo         *sdk.Implementation `json:"agentInfo"`
		AgentCapabilities struct {
			LoadSession         bool                   `json:"loadSession"`
			PromptCapabilities  sdk.PromptCapabilities `json:"promptCapabilities"`
			SessionCapabilities struct {
				Resume *struct{} `json:"resume"`
			} `json:"sessionCapabilities"`
			MCP struct {
				HTTP bool `json:"http"`
				SSE  bool `json:"sse"`
			} `json:"mcpCapabilities"`
		} `json:"agentCapabilities"`
		AuthMethods []struct {
			ID string `json:"id"`
		} `json:"authMethods"`
	}](c.conn, ctx, sdk.AgentMethodInitialize, sdk.InitializeRequest{
		ProtocolVersion: sdk.ProtocolVersionNumber,
		// What commands print comes piece by piece, with their exit code.
		ClientCapabilities: sdk.ClientCapabilities{Meta: map[string]any{"terminal_output_delta": true}},
		ClientInfo:         &sdk.Implementation{Name: "volundr", Version: fmt.Sprint(wire.Version)},
	})
	if err != nil {
		return Info{}, c.explain(err)
	}
	i := Info{
		CanLoad: res.AgentCapabilities.LoadSession, CanResume: res.AgentCapabilities.SessionCapabilities.Resume != nil,
		Images:  res.AgentCapabilities.PromptCapabilities.Image,
		MCPHTTP: res.AgentCapabilities.MCP.HTTP, MCPSSE: res.AgentCapabilities.MCP.SSE,
	}
	if res.AgentInfo != nil {
		i.Name, i.Version = res.AgentInfo.Name, res.AgentInfo.Version
	}
	for _, m := range res.AuthMethods {
		i.Auth = append(i.Auth, m.ID)
	}
	return i, nil
}

// New, Resume and Load open a session in dir. Load sends the history again as
// events.
func (c *Conn) New(ctx context.Context, dir string, meta map[string]any, servers Servers) (Session, error) {
	return c.open(ctx, sdk.AgentMethodSessionNew, sdk.NewSessionRequest{Cwd: dir, Meta: meta, McpServers: servers}, "")
}

func (c *Conn) Resume(ctx context.Context, id, dir string, meta map[string]any, servers Servers) (Session, error) {
	return c.open(ctx, sdk.AgentMethodSessionResume, sdk.ResumeSessionRequest{SessionId: sdk.SessionId(id), Cwd: dir, Meta: meta, McpServers: servers}, id)
}

func (c *Conn) Load(ctx context.Context, id, dir string, meta map[string]any, servers Servers) (Session, error) {
	return c.open(ctx, sdk.AgentMethodSessionLoad, sdk.LoadSessionRequest{SessionId: sdk.SessionId(id), Cwd: dir, Meta: meta, McpServers: servers}, id)
}

func (c *Conn) open(ctx context.Context, method string, params any, id string) (Session, error) {
	res, err := sdk.SendRequest[struct {
		ID     string                 `json:"sessionId"`
		Modes  *sdk.SessionModeState  `json:"modes"`
		Models *sdk.SessionModelState `json:"models"`
		Config []configOption         `json:"configOptions"`
	}](c.conn, ctx, method, params)
	if err != nil {
		return Session{}, c.explain(err)
	}
	s := Session{ID: res.ID}
	if s.ID == "" {
		s.ID = id
	}
	if res.Modes != nil {
		s.Modes.Current = string(res.Modes.CurrentModeId)
		for _, m := range res.Modes.AvailableModes {
			s.Modes.Options = append(s.Modes.Options, wire.Option{ID: string(m.Id), Name: m.Name, Description: deref(m.Description)})
		}
	}
	if res.Models != nil {
		s.Models.Current = string(res.Models.CurrentModelId)
		for _, m := range res.Models.AvailableModels {
			s.Models.Options = append(s.Models.Options, wire.Option{ID: string(m.ModelId), Name: m.Name, Description: deref(m.Description)})
		}
	}
	modes, models := c.choices.take(res.Config)
	if modes != nil {
		s.Modes = *modes
	}
	if models != nil {
		s.Models = *models
	}
	return s, nil
}

// Prompt sends a prompt and waits for the end of its turn. All that the agent
// said before its end has been enqueued by then.
func (c *Conn) Prompt(ctx context.Context, session string, blocks []wire.Block, dir string) (Result, error) {
	req := sdk.PromptRequest{SessionId: sdk.SessionId(session)}
	for _, b := range blocks {
		switch b.Type {
		case "image":
			req.Prompt = append(req.Prompt, sdk.ImageBlock(b.Data, b.MIME))
		case "file":
			path := b.Text
			if !strings.HasPrefix(path, "/") {
				path = dir + "/" + path
			}
			req.Prompt = append(req.Prompt, sdk.ResourceLinkBlock(b.Text, (&url.URL{Scheme: "file", Path: path}).String()))
		default:
			req.Prompt = append(req.Prompt, sdk.TextBlock(b.Text))
		}
	}
	res, err := sdk.SendRequest[sdk.PromptResponse](c.conn, ctx, sdk.AgentMethodSessionPrompt, req)
	if err != nil {
		return Result{}, c.explain(err)
	}
	r := Result{StopReason: string(res.StopReason)}
	if u := res.Usage; u != nil {
		r.Input, r.Output = int64(u.InputTokens), int64(u.OutputTokens)
		if u.CachedReadTokens != nil {
			r.CacheRead = int64(*u.CachedReadTokens)
		}
		if u.CachedWriteTokens != nil {
			r.CacheWrite = int64(*u.CachedWriteTokens)
		}
	}
	return r, nil
}

// Cancel asks the agent to end the turn.
func (c *Conn) Cancel(ctx context.Context, session string) error {
	return c.conn.SendNotification(ctx, sdk.AgentMethodSessionCancel, sdk.CancelNotification{SessionId: sdk.SessionId(session)})
}

// SetMode and SetModel choose. The agent tells the new choice as an event, or
// the answer does, which then is enqueued as one.
func (c *Conn) SetMode(ctx context.Context, session, id string) error {
	return c.set(ctx, c.choices.modeID(), session, id, sdk.AgentMethodSessionSetMode, sdk.SetSessionModeRequest{SessionId: sdk.SessionId(session), ModeId: sdk.SessionModeId(id)},
		Modes{wire.Options{Current: id}})
}

func (c *Conn) SetModel(ctx context.Context, session, id string) error {
	return c.set(ctx, c.choices.modelID(), session, id, sdk.AgentMethodSessionSetModel, sdk.UnstableSetSessionModelRequest{SessionId: sdk.SessionId(session), ModelId: sdk.UnstableModelId(id)},
		Models{wire.Options{Current: id}})
}

func (c *Conn) set(ctx context.Context, config, session, id, method string, params any, then Event) error {
	if config == "" {
		_, err := sdk.SendRequest[json.RawMessage](c.conn, ctx, method, params)
		if err == nil {
			c.events.put(then)
		}
		return c.explain(err)
	}
	res, err := sdk.SendRequest[struct {
		Config []configOption `json:"configOptions"`
	}](c.conn, ctx, sdk.AgentMethodSessionSetConfigOption, map[string]any{"sessionId": session, "configId": config, "value": id})
	if err == nil {
		c.told(res.Config)
	}
	return c.explain(err)
}

// told enqueues what a list of options says about mode and model.
func (c *Conn) told(list []configOption) {
	modes, models := c.choices.take(list)
	if modes != nil {
		c.events.put(Modes{*modes})
	}
	if models != nil {
		c.events.put(Models{*models})
	}
}

// Authenticate picks a method of logging in.
func (c *Conn) Authenticate(ctx context.Context, method string) error {
	_, err := sdk.SendRequest[json.RawMessage](c.conn, ctx, sdk.AgentMethodAuthenticate, sdk.AuthenticateRequest{MethodId: method})
	return c.explain(err)
}

// Refusal is an error that the agent itself answered.
type Refusal struct{ Message string }

func (r Refusal) Error() string { return r.Message }

// explain makes the library's errors readable and tells a refusal from a
// connection that is gone.
func (c *Conn) explain(err error) error {
	var re *sdk.RequestError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &re):
		return err
	}
	select {
	case <-c.conn.Done():
		return ErrClosed
	default:
	}
	msg := re.Message
	if re.Data != nil {
		var data struct {
			Details string `json:"details"`
			Message string `json:"message"`
			Error   string `json:"error"`
		}
		b, _ := json.Marshal(re.Data)
		json.Unmarshal(b, &data)
		for _, d := range []string{data.Details, data.Message, data.Error} {
			if d != "" && !strings.Contains(msg, d) {
				msg += ": " + d
			}
		}
		if data.Details+data.Message+data.Error == "" && !bytes.Equal(b, []byte("{}")) && len(b) < 500 {
			msg += ": " + string(b)
		}
	}
	return Refusal{msg}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
