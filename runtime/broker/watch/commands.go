package watch

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"

	"volundr/runtime/broker/wire"
)

// commandsFile is what the shells' hooks append to, in Folder: one JSON line
// for each command that ended, with one write.
const commandsFile = "commands"

const (
	maxCommandLine = 64 << 10 // bytes of one line
	maxCommands    = 4 << 20  // bytes of the file that are read at once
	rollCommands   = 1 << 20  // a file this long that was read is begun anew
)

// said is a line of a shell's hook.
type said struct {
	Start int64  `json:"t"`  // unix µs
	Took  int64  `json:"us"` // µs
	Exit  int    `json:"rc"`
	Dir   string `json:"dir"`
	Text  string `json:"cmd"`
	Shell string `json:"sh"`
	Where string `json:"where"`
}

// commands reads what shells told since the mark, and moves it on.
func commands(folder string, m *mark, now time.Time) []wire.ShellCommand {
	path := filepath.Join(folder, commandsFile)
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return nil
	}
	file := uint64(0)
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		file = sys.Ino
	}
	if m.File != file || m.Size > st.Size() {
		*m = mark{File: file}
	}
	from := max(m.Size, st.Size()-maxCommands)
	b, err := io.ReadAll(io.NewSectionReader(f, from, st.Size()-from))
	if err != nil {
		return nil
	}
	end := bytes.LastIndexByte(b, '\n') + 1
	m.Size = from + int64(end)
	if end == 0 && len(b) > maxCommandLine {
		m.Size = st.Size() // it is no line
	}
	var list []wire.ShellCommand
	for line := range bytes.Lines(b[:end]) {
		if c, ok := parseCommand(line, now); ok {
			list = append(list, c)
		}
	}
	if m.Size >= rollCommands && m.Size == st.Size() {
		roll(path, m)
	}
	return list
}

// roll begins the file anew. A shell opens it for each line, so at most the
// line of this very moment is lost.
func roll(path string, m *mark) {
	if os.Remove(path) == nil {
		*m = mark{}
	}
}

// parseCommand reads one line of a hook. Everybody in the session can write
// there.
func parseCommand(line []byte, now time.Time) (c wire.ShellCommand, ok bool) {
	var s said
	if len(line) > maxCommandLine || json.Unmarshal(line, &s) != nil {
		return c, false
	}
	ms, took := s.Start/1000, max(0, s.Took/1000)
	if ms <= 0 || ms > now.UnixMilli()+1000 || took > ms {
		return c, false
	}
	c = wire.ShellCommand{
		Command: clip(strings.TrimSpace(shown(s.Text)), maxCommand), Dir: clip(shown(s.Dir), maxPath),
		Exit: max(0, min(s.Exit, 255)), StartedAt: ms, EndedAt: min(ms+took, now.UnixMilli()+1000), Where: "terminal",
	}
	if s.Shell == "bash" || s.Shell == "zsh" {
		c.Shell = s.Shell
	}
	if s.Where == "editor" {
		c.Where = s.Where
	}
	c.EndedAt = max(c.StartedAt, c.EndedAt)
	return c, c.Command != ""
}

// shown replaces what a terminal would act on.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
