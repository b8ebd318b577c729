package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"volundr/ui/client"
)

// chat sends one prompt and shows the answer as it comes; it ends with the
// turn. Without a prompt it reads one from standard input.
func (a *app) chat() *cobra.Command {
	var asJSON bool
	c := a.named("chat SESSION [PROMPT…]", "Send a prompt and stream the answer", func(c *cobra.Command, cl *client.Client, s client.Session, rest []string) error {
		text := strings.Join(rest, " ")
		if text == "" {
			b, err := io.ReadAll(io.LimitReader(c.InOrStdin(), 4<<20))
			if err != nil {
				return err
			}
			text = strings.TrimSpace(string(b))
		}
		if text == "" {
			return errors.New("there is no prompt: give one as an argument or on standard input")
		}
		t := &talk{c: c, cl: cl, session: s, json: asJSON, prompt: uuid.NewString()}
		return t.run(c.Context(), text)
	})
	jsonFlag(c, &asJSON)
	c.Flags().Lookup("json").Usage = "print every entry of the turn as a line of JSON"
	return c
}

// talk is one turn, followed from the shell.
type talk struct {
	c       *cobra.Command
	cl      *client.Client
	session client.Session
	json    bool
	prompt  string // its id
	block   string // text block being written
	tools   map[string]string
}

func (t *talk) run(ctx context.Context, text string) error {
	t.tools = map[string]string{}
	chat, err := t.cl.Chat(ctx, t.session.ID, 0)
	if err != nil {
		return err
	}
	defer chat.Close()
	err = chat.Send(ctx, client.ChatSend{Type: client.FramePrompt, ID: t.prompt, Blocks: []client.Block{{Type: "text", Text: text}}})
	if err != nil {
		return err
	}
	for {
		f, err := chat.Receive(ctx)
		if ctx.Err() != nil {
			stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer cancel()
			_ = chat.Send(stop, client.ChatSend{Type: client.FrameCancel})
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("the conversation was cut: %w", err)
		}
		switch f.Type {
		case client.FrameError:
			return errors.New(f.Error)
		case client.FrameState:
			if s := f.Session; s != nil && (s.Status == client.Failed || s.Status == client.Stopped) {
				return fmt.Errorf("session %s is %s", s.Name, s.Status)
			}
		case client.FrameEntry:
			if f.Turn != t.prompt {
				continue
			}
			done, err := t.entry(ctx, chat, f.Entry)
			if done || err != nil {
				return err
			}
		}
	}
}

// entry shows one entry of our turn and reports whether it was the last.
func (t *talk) entry(ctx context.Context, chat *client.Chat, e client.Entry) (bool, error) {
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
		return false, t.ask(ctx, chat, x)
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

// ask puts the agent's question to the person at the terminal. Without one it
// waits: somebody may answer in the browser.
func (t *talk) ask(ctx context.Context, chat *client.Chat, q client.Permission) error {
	w := t.c.ErrOrStderr()
	fmt.Fprintf(w, "%sThe agent asks: %s\n", t.newline(), clean(q.Tool.Title))
	if len(q.Tool.Input) > 0 {
		fmt.Fprintln(w, "  "+clean(string(q.Tool.Input)))
	}
	if t.json || !term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(w, "Answer it in the browser; this waits.")
		return nil
	}
	for i, o := range q.Options {
		fmt.Fprintf(w, "  %d  %s\n", i+1, clean(o.Name))
	}
	fmt.Fprint(w, "Your answer: ")
	line, err := bufio.NewReader(t.c.InOrStdin()).ReadString('\n')
	if err != nil {
		return err
	}
	n := 0
	if _, err := fmt.Sscan(line, &n); err != nil || n < 1 || n > len(q.Options) {
		return chat.Send(ctx, client.ChatSend{Type: client.FrameAnswer, ID: q.ID})
	}
	return chat.Send(ctx, client.ChatSend{Type: client.FrameAnswer, ID: q.ID, Option: q.Options[n-1].ID})
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
