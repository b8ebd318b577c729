// Package transcript reads what Claude Code writes down of its own conversation,
// for what its protocol does not tell: the folder that its shell stood in when a
// command was given to it. It runs in the agent's container as the agent's user.
package transcript

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Bounds of what is looked at.
const (
	maxTail  = 8 << 20 // bytes of a transcript, its end
	maxLine  = 1 << 20
	maxFiles = 40 // transcripts of one session: its own, and those of its helpers
)

// Claude Code writes down a tenth of a second later what it has told.
const (
	late  = 1200 * time.Millisecond
	pause = 50 * time.Millisecond
)

// Main answers with a JSON object: for each id of a tool call the folder that its
// command was given in. Those that are not written down soon are left out. args
// are the session's id and those of the calls.
func Main(args []string, out io.Writer) error {
	if len(args) < 2 {
		return errors.New("which session, and which calls?")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	for end := time.Now().Add(late); ; time.Sleep(pause) {
		dirs, err := Dirs(home, args[0], args[1:])
		if err != nil {
			return err
		}
		if len(dirs) == len(args)-1 || time.Now().After(end) {
			return json.NewEncoder(out).Encode(dirs)
		}
	}
}

// Dirs gives the folders of tool calls by their ids.
func Dirs(home, session string, ids []string) (map[string]string, error) {
	if session == "" || session != filepath.Base(session) || strings.ContainsAny(session, `*?[\`) {
		return nil, fmt.Errorf("%q is no session", session)
	}
	found := map[string]string{}
	projects := filepath.Join(home, ".claude", "projects", "*")
	files, _ := filepath.Glob(filepath.Join(projects, session+".jsonl"))
	inner, _ := filepath.Glob(filepath.Join(projects, session, "subagents", "*.jsonl"))
	files = append(files, inner...)
	for _, path := range files[:min(len(files), maxFiles)] {
		if err := read(path, ids, found); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if len(found) == len(ids) {
			break
		}
	}
	return found, nil
}

// line is what is of interest of one: a message of the assistant with the calls
// in it.
type line struct {
	Cwd     string `json:"cwd"`
	Message struct {
		Content []struct {
			Type string `json:"type"`
			ID   string `json:"id"`
		} `json:"content"`
	} `json:"message"`
}

func read(path string, ids []string, found map[string]string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return err
	}
	from := max(0, st.Size()-maxTail)
	sc := bufio.NewScanner(io.NewSectionReader(f, from, maxTail))
	sc.Buffer(nil, maxLine)
	sc.Split(lines)
	for sc.Scan() {
		b := sc.Bytes()
		if !slices.ContainsFunc(ids, func(id string) bool { return bytes.Contains(b, []byte(id)) }) {
			continue
		}
		var l line
		if json.Unmarshal(b, &l) != nil || !filepath.IsAbs(l.Cwd) {
			continue
		}
		for _, c := range l.Message.Content {
			if c.Type == "tool_use" && slices.Contains(ids, c.ID) {
				found[c.ID] = l.Cwd
			}
		}
	}
	return sc.Err()
}

// lines splits like bufio.ScanLines; of a line that is too long it gives pieces,
// which are no JSON.
func lines(data []byte, end bool) (int, []byte, error) {
	n, token, err := bufio.ScanLines(data, end)
	if n == 0 && token == nil && err == nil && len(data) >= maxLine {
		return len(data), data, nil
	}
	return n, token, err
}
