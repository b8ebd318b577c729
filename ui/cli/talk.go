package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// talk is one turn, followed from the shell.
type talk struct {
	c       *cobra.Command
	cl      *client.Client
	session client.Session
	json    bool
	prompt  string // its id
	block   string // text block being written
	tools   map[string]string
	said    string             // of what is waited for
	asked   *client.Permission // the question at this terminal
	typed   chan string        // lines of the terminal, once one was asked
}

func (t *talk) run(ctx context.Context, text string) error {
	t.tools = map[string]string{}
	// A read that is cancelled closes the connection, and the agent has to be
	// told to stop on it: so reading lives as long as talk does.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	chat, err := t.cl.Chat(life, t.session.ID, 0)
	if err != nil {
		return err
	}
	defer chat.Close()
	err = chat.Send(life, client.ChatSend{Type: client.FramePrompt, ID: t.prompt, Blocks: []client.Block{{Type: "text", Text: text}}})
	if err != nil {
		return err
	}
	t.state(t.session)
	frames, cut := make(chan client.ChatFrame), make(chan error, 1)
	go func() { // ends with life
		for {
			f, err := chat.Receive(life)
			if err != nil {
				cut <- err
				return
			}
			select {
			case frames <- f:
			case <-life.Done():
				return
			}
		}
	}()
	for {
		select {
		case f := <-frames:
			if done, err := t.frame(life, chat, f); done || err != nil {
				return err
			}
		case line := <-t.typed:
			if err := t.answer(life, chat, line); err != nil {
				return err
			}
		case err := <-cut:
			return t.cut(life, err)
		case <-ctx.Done():
			t.print(t.newline())
			last, cancel := context.WithTimeout(life, time.Second)
			defer cancel()
			_ = chat.Send(last, client.ChatSend{Type: client.FrameCancel})
			return ctx.Err()
		}
	}
}

// cut says why the conversation ended before its turn did.
func (t *talk) cut(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, no := t.cl.Me(ctx); client.Unauthorized(no) {
		return fmt.Errorf("the conversation was cut, and the agent works on: %w", no)
	}
	return fmt.Errorf("the conversation was cut (%w): `volundr sessions show %s` shows where it stands", err, t.session.Name)
}

// frame takes one frame and reports whether it was the turn's last.
func (t *talk) frame(ctx context.Context, chat *client.Chat, f client.ChatFrame) (done bool, err error) {
	switch f.Type {
	case client.FrameError:
		return true, errors.New(f.Error)
	case client.FrameState:
		if s := f.Session; s != nil {
			if s.Status == client.Failed || s.Status == client.Stopped {
				return true, fmt.Errorf("session %s is %s: `volundr sessions start %s` starts it again", s.Name, s.Status, s.Name)
			}
			t.state(*s)
		}
	case client.FrameEntry:
		if f.Turn == t.prompt {
			return t.entry(f.Entry)
		}
	}
	return false, nil
}

// state says why nothing is answered yet: the session is on its way up, or the
// model does not answer.
func (t *talk) state(s client.Session) {
	at, up := now(s), s.Status == client.Created || s.Status == client.Starting || s.Status == client.Provisioning
	switch {
	case up && at != t.said:
		fmt.Fprintf(t.c.ErrOrStderr(), "Waiting: the session is %s\n", clean(at))
	case strings.HasPrefix(s.ActivityText, client.WaitsForModel) && s.ActivityText != t.said:
		at = s.ActivityText
		fmt.Fprintf(t.c.ErrOrStderr(), "Waiting: the agent %s\n", clean(at))
	default:
		return
	}
	t.said = at
}

// entry shows one entry of our turn and reports whether it was the last.
func (t *talk) entry(e client.Entry) (bool, error) {
	if t.json {
		line, err := json.Marshal(e)
		if err != nil {
			return true, err
		}
		fmt.Fprintln(t.c.OutOrStdout(), string(line))
	}
	switch e.Type {
	case client.EntryText:
		var x client.Text
		if json.Unmarshal(e.Data, &x) == nil {
			if x.Block != t.block && t.block != "" {
				t.print("\n")
			}
			t.block = x.Block
			t.print(clean(x.Text))
		}
	case client.EntryTool:
		var x client.Tool
		if json.Unmarshal(e.Data, &x) == nil && t.tools[x.ID] != x.Status {
			t.tools[x.ID] = x.Status
			if x.Status == "completed" || x.Status == "failed" {
				t.print(fmt.Sprintf("%s[%s] %s\n", t.newline(), x.Status, clean(x.Title)))
			}
		}
	case client.EntryPermission:
		var x client.Permission
		if err := json.Unmarshal(e.Data, &x); err != nil {
			return true, err
		}
		t.ask(x)
	case client.EntryPermissionDone:
		var x client.PermissionDone
		if json.Unmarshal(e.Data, &x) == nil {
			t.answered(x)
		}
	case client.EntryError, client.EntryStalled:
		var x client.Note
		if json.Unmarshal(e.Data, &x) == nil {
			fmt.Fprintln(t.c.ErrOrStderr(), clean(x.Message))
		}
	case client.EntryTurnEnd:
		var x client.TurnEnd
		if err := json.Unmarshal(e.Data, &x); err != nil {
			return true, err
		}
		t.print(t.newline())
		if x.Error != "" {
			return true, fmt.Errorf("the turn ended with an error: %s", x.Error)
		}
		if x.StopReason != "end_turn" && x.StopReason != "" {
			return true, fmt.Errorf("the turn ended: %s", x.StopReason)
		}
		return true, nil
	}
	return false, nil
}

func (t *talk) print(s string) {
	if !t.json {
		fmt.Fprint(t.c.OutOrStdout(), s)
	}
}

// newline ends a line of text that is being written.
func (t *talk) newline() string {
	if t.block == "" || t.json {
		return ""
	}
	t.block = ""
	return "\n"
}
