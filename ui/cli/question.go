package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"volundr/ui/client"
)

// ask puts the agent's question to the person at the terminal. Without one it
// waits: somebody may answer in the browser.
func (t *talk) ask(q client.Permission) {
	w := t.c.ErrOrStderr()
	t.print(t.newline())
	fmt.Fprintf(w, "The agent asks: %s\n", clean(q.Tool.Title))
	for _, l := range details(q.Tool) {
		fmt.Fprintln(w, "     "+clean(l))
	}
	if t.json || !term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(w, "Answer it in the browser; this waits.")
		return
	}
	t.asked = &q
	for i, o := range q.Options {
		fmt.Fprintf(w, "  %d  %s\n", i+1, clean(o.Name))
	}
	fmt.Fprint(w, "Your answer: ")
	if t.typed == nil {
		t.typed = make(chan string)
		go func() { // blocks in Read until the process ends
			for in := bufio.NewScanner(t.c.InOrStdin()); in.Scan(); {
				t.typed <- in.Text()
			}
		}()
	}
}

// details are what a question is about, a line for each value, without what its
// title says already.
func details(q client.Tool) (lines []string) {
	var input map[string]any
	if json.Unmarshal(q.Input, &input) != nil {
		if len(q.Input) > 0 {
			lines = append(lines, string(q.Input))
		}
		return lines
	}
	for _, name := range slices.Sorted(maps.Keys(input)) {
		value := fmt.Sprint(input[name])
		if value != strings.Trim(q.Title, "`") {
			lines = append(lines, name+": "+value)
		}
	}
	return lines
}

// answer sends what was typed, if it is one of the options.
func (t *talk) answer(ctx context.Context, chat *client.Chat, line string) error {
	if t.asked == nil {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || n < 1 || n > len(t.asked.Options) {
		fmt.Fprintf(t.c.ErrOrStderr(), "Give a number from 1 to %d: ", len(t.asked.Options))
		return nil
	}
	id, option := t.asked.ID, t.asked.Options[n-1].ID
	t.asked = nil
	return chat.Send(ctx, client.ChatSend{Type: client.FrameAnswer, ID: id, Option: option})
}

// answered takes the question back when somebody else has answered it.
func (t *talk) answered(d client.PermissionDone) {
	if t.asked != nil && t.asked.ID == d.ID {
		t.asked = nil
		fmt.Fprintln(t.c.ErrOrStderr(), "\nThe question was answered elsewhere.")
	}
}
