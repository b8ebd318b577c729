package link

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Types of the daemon's own entries in a conversation, beside the prompt.
const (
	EntryAnswer = "answer" // Answer
	EntryStop   = "stop"   // {}
	EntryMode   = "mode"   // wire.Choice
	EntryModel  = "model"  // wire.Choice
)

// Answer is what somebody answered to a permission question.
type Answer struct {
	ID     string `json:"id"` // of the question
	Option string `json:"option"`
}

const (
	callTimeout = 15 * time.Second
	maxAnswer   = 1 << 20  // bytes of an ordinary answer of the broker
	maxOutput   = 16 << 20 // of a command, each of stdout and stderr
)

// Cancel stops the turn that is under way.
func (l *Links) Cancel(ctx context.Context, id string) error {
	return l.act(ctx, id, wire.PathCancel, nil, EntryStop, struct{}{})
}

// Break stops the turn that is under way without a word in the conversation: the
// daemon does it, and no person.
func (l *Links) Break(ctx context.Context, id string) error {
	_, c := l.connected(id)
	if c == nil {
		return ErrNotConnected
	}
	return c.call(ctx, wire.PathCancel, nil, nil)
}

// Ask hands the agent a prompt of the daemon's own, once by its id. It is not
// kept: who asks asks again after a crash.
func (l *Links) Ask(ctx context.Context, id string, p wire.Prompt) error {
	_, c, err := l.inside(ctx, id)
	if err != nil {
		return err
	}
	return c.prompt(ctx, p)
}

// SetMode chooses the agent's permission mode.
func (l *Links) SetMode(ctx context.Context, id, choice string) error {
	return l.act(ctx, id, wire.PathMode, wire.Choice{ID: choice}, EntryMode, wire.Choice{ID: choice})
}

// SetModel chooses the agent's model.
func (l *Links) SetModel(ctx context.Context, id, choice string) error {
	return l.act(ctx, id, wire.PathModel, wire.Choice{ID: choice}, EntryModel, wire.Choice{ID: choice})
}

// act asks the broker for something and writes down that it was asked.
func (l *Links) act(ctx context.Context, id, route string, body any, typ string, data any) error {
	s, c, err := l.inside(ctx, id)
	if err != nil {
		return err
	}
	if err := c.call(ctx, route, body, nil); err != nil {
		return err
	}
	_, err = l.DB.AppendDaemon(ctx, id, typ, s.turn(), data)
	return err
}

// Answer answers, for p, an open permission question with one of its options; an
// empty one cancels. The first answer counts: it is written down, then sent, and sent
// again after the connection was lost. ErrNotOpen when there is no such
// question.
func (l *Links) Answer(ctx context.Context, p store.Principal, id, permission, option string) error {
	s, err := l.talking(ctx, id)
	if err != nil {
		return err
	}
	q, err := s.take(permission, option)
	if err != nil {
		return err
	}
	if _, err := l.DB.AppendAnswer(ctx, p, id, q.turn, Answer{permission, option}, q.deed(option, l.clean(ctx, id))); err != nil {
		s.untake(permission)
		return err
	}
	s.taken(permission, option)
	signal(s.answers)
	return s.show(ctx)
}

// clean takes out of a text what must not be read of a session's. Where its owner
// cannot be looked up nothing is left of it.
func (l *Links) clean(ctx context.Context, id string) func(string) string {
	return func(text string) string {
		if text == "" {
			return ""
		}
		row, err := l.DB.SystemSession(ctx, id)
		if err != nil {
			return ""
		}
		return l.Redact(row.Owner())(text)
	}
}

// Offers gives the options of an open permission question. ErrNotOpen when
// there is no such question.
func (l *Links) Offers(ctx context.Context, id, permission string) ([]wire.Option, error) {
	s, err := l.talking(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.offered(permission)
}

// talking gives a session that is kept, with its conversation recalled.
func (l *Links) talking(ctx context.Context, id string) (*session, error) {
	s := l.session(id)
	if s == nil {
		return nil, ErrNotConnected
	}
	row, err := l.DB.SystemSession(ctx, id)
	if err != nil {
		return nil, err
	}
	return s, s.recall(ctx, row)
}

// RunCommand runs a command in the session as the agent's user. Its output is
// bounded.
func (l *Links) RunCommand(ctx context.Context, id string, cmd wire.Command) (res wire.RunResult, err error) {
	_, c, err := l.inside(ctx, id)
	if err != nil {
		return res, err
	}
	if cmd.TimeoutMS <= 0 {
		cmd.TimeoutMS = 30_000
	}
	if cmd.Limit <= 0 {
		cmd.Limit = 1 << 20
	}
	cmd.Limit = min(cmd.Limit, maxOutput)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(cmd.TimeoutMS)*time.Millisecond+callTimeout)
	defer cancel()
	limit := int64(cmd.Limit)*3 + 64<<10 // two of them in base64
	return res, c.exchange(ctx, wire.PathRun, nil, cmd, limit, decode(&res))
}

// Ports gives the ports that processes in the session listen on.
func (l *Links) Ports(ctx context.Context, id string) (ports []wire.Port, err error) {
	_, c, err := l.inside(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := c.call(ctx, wire.PathPorts, nil, &ports); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ports, func(p wire.Port) bool { return !goodPort(p) }), nil
}

// End ends the run politely: the turn is cancelled and the journal read to its
// end, with what lies beside it, as far as ctx allows.
func (l *Links) End(ctx context.Context, id string) error {
	s, c := l.connected(id)
	if c == nil {
		return ErrNotConnected
	}
	if err := c.call(ctx, wire.PathEnd, nil, nil); err != nil {
		return err
	}
	var hello wire.Hello
	if err := c.call(ctx, wire.PathHello, nil, &hello); err != nil {
		return err
	}
	if err := s.await(ctx, hello.Epoch, hello.Last); err != nil {
		return err
	}
	return s.takeBodies(ctx, c, s.Log)
}

// connected gives the link of a session and its open connection, or nil.
func (l *Links) connected(id string) (*session, *conn) {
	s := l.session(id)
	if s == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, s.conn
}

// inside is connected for what needs the session's own programs: one that is
// paused wakes first.
func (l *Links) inside(ctx context.Context, id string) (*session, *conn, error) {
	s, c := l.connected(id)
	if c == nil {
		return nil, nil, ErrNotConnected
	}
	return s, c, l.Awake(ctx, id)
}

// call is one short exchange in JSON with the broker. body and answer may be nil.
func (c *conn) call(ctx context.Context, route string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.exchange(ctx, route, nil, body, maxAnswer, decode(answer))
}

// answer sends what was answered to a question.
func (c *conn) answer(ctx context.Context, permission, option string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.exchange(ctx, wire.PathPermission, []string{url.PathEscape(permission)}, wire.Answer{Option: option}, maxAnswer, decode(nil))
}

// refused gives the broker's refusal in err, or nil.
func refused(err error) *refusal {
	var r *refusal
	errors.As(err, &r)
	return r
}
