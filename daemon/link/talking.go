package link

import (
	"context"
	"encoding/json"
	"slices"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// turn is the id of the turn under way, or "".
func (s *session) turn() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.talk == nil {
		return ""
	}
	return s.talk.turn
}

// take reserves an open question for one answer and gives a copy of it.
func (s *session) take(permission, option string) (question, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.talk.question(permission)
	if q == nil || q.taken {
		return question{}, ErrNotOpen
	}
	if option != "" && !slices.ContainsFunc(q.options, func(o wire.Option) bool { return o.ID == option }) {
		return question{}, &sentence{"The question does not offer that answer.", runtime.ErrInvalid}
	}
	q.taken = true
	return *q, nil
}

const maxDeed = 500 // characters

// deed is what the audit says of an answer: what was asked, and what was chosen.
func (q question) deed(option string, redact func(string) string) map[string]string {
	chosen := "cancelled"
	for _, o := range q.options {
		if o.ID == option {
			chosen = o.Name
		}
	}
	return map[string]string{"asked": plain(redact(q.text), maxDeed), "what": plain(redact(q.detail), maxDeed), "answer": plain(chosen, maxDeed)}
}

// offered are the options of an open question.
func (s *session) offered(permission string) ([]wire.Option, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.talk.question(permission)
	if q == nil || q.taken {
		return nil, ErrNotOpen
	}
	return q.options, nil
}

// untake gives the question back: the answer was not written down.
func (s *session) untake(permission string) {
	s.set(func() {
		if q := s.talk.question(permission); q != nil {
			q.taken = false
		}
	})
}

// taken notes the answer that was written down.
func (s *session) taken(permission, option string) {
	s.set(func() {
		if q := s.talk.question(permission); q != nil {
			q.answer = &option
		}
	})
}

// Model takes what is known of why a session's model does not answer, for people;
// empty: it does. It counts for the turn under way.
func (l *Links) Model(id, trouble string) {
	l.mu.Lock()
	s := l.sessions[id]
	l.mu.Unlock()
	if s == nil {
		return
	}
	news := false
	s.set(func() {
		if s.talk != nil && s.talk.busy && s.talk.model != trouble {
			s.talk.model, news = plain(trouble, maxNote), true
		}
	})
	if !news {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if err := s.show(ctx); err != nil {
		l.Log.Debug("What a session waits for was not written", "session", id, "error", err)
	}
}

// Report takes what a program of p's says that it does in a session of theirs:
// active, idle or tool_executing, and an object about it. It is told as an event,
// and shown while the agent itself does nothing, until something else is seen:
// what is seen of the agent, a question above all, counts for more.
func (l *Links) Report(ctx context.Context, p store.Principal, id, activity string, metadata json.RawMessage) error {
	var about struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(metadata, &about) // a text of another kind is none
	text, rests := plain(about.Text, maxNote), false
	if s := l.session(id); s != nil {
		s.showing.Lock()
		defer s.showing.Unlock()
		s.mu.Lock()
		if s.talk != nil && s.ready && s.caught {
			kind, _ := s.talk.activity()
			rests = kind == "idle"
		}
		s.mu.Unlock()
	}
	return l.DB.TellActivity(ctx, p, id, activity, text, metadata, rests)
}

// show writes what the agent does, if that is news. What is still read of the
// past is not shown.
func (s *session) show(ctx context.Context) error {
	s.showing.Lock() // so that the last one written is the last that was true
	defer s.showing.Unlock()
	s.mu.Lock()
	kind, text := s.talk.activity()
	if !s.ready || !s.caught || s.shown == [2]string{kind, text} {
		s.mu.Unlock()
		return nil
	}
	s.shown = [2]string{kind, text}
	s.mu.Unlock()
	err := s.DB.SetActivity(ctx, s.id, kind, text)
	if err != nil {
		s.set(func() { s.shown = [2]string{} })
	}
	return err
}
