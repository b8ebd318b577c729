package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// SetupError is a setup script that failed.
type SetupError struct {
	What   string // a sentence
	Output string // its last lines
}

func (e *SetupError) Error() string { return e.What }

// SetupLog is the file below the home with all that setup scripts printed.
const SetupLog = ".volundr/setup.log"

// lastOutput bounds what is told of a script that failed, in bytes.
const lastOutput = 8 << 10

// setup runs the scripts in the workspace, one after the other, as the agent's
// user and with its environment.
func (p Places) setup(ctx context.Context, scripts []string, say func(Report)) error {
	if len(scripts) == 0 {
		return nil
	}
	name := filepath.Join(p.Home, filepath.FromSlash(SetupLog))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("The home folder cannot be written: %w. Check the disk and the owner of the volume.", err)
	}
	log, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("The home folder cannot be written: %w. Check the disk and the owner of the volume.", err)
	}
	defer log.Close()
	for i, script := range scripts {
		title := fmt.Sprintf("etup script %d of %d", i+1, len(scripts))
		say(Report{Setup: true, Detail: "Running s" + title + ": " + firstLine(script)})
		fmt.Fprintf(log, "# S%s\n%s\n", title, strings.TrimSpace(script))
		last := &tail{limit: lastOutput}
		cmd := exec.CommandContext(ctx, "bash", "-eo", "pipefail", "-c", script)
		cmd.Dir = p.Workspace
		cmd.Stdout = io.MultiWriter(log, last)
		cmd.Stderr = cmd.Stdout
		err := cmd.Run()
		var exit *exec.ExitError
		switch {
		case err == nil:
			continue
		case errors.As(err, &exit):
			return &SetupError{fmt.Sprintf("S%s failed (%s): %s. Mend it, or what it needs, and start the session again.", title, exit, firstLine(script)), last.text()}
		}
		return fmt.Errorf("S%s could not be run (%w). Check the session's image.", title, err)
	}
	return nil
}

// firstLine names a script.
func firstLine(script string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(script), "\n")
	if r := []rune(line); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	if strings.TrimSpace(rest) != "" {
		line += " …"
	}
	return line
}

// tail keeps the last bytes that are written to it.
type tail struct {
	limit int
	buf   []byte
	over  bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.limit; over > 0 {
		t.buf, t.over = append(t.buf[:0], t.buf[over:]...), true
	}
	return len(p), nil
}

// text is what was kept, in whole lines where it was cut.
func (t *tail) text() string {
	b := t.buf
	if i := bytes.IndexByte(b, '\n'); t.over && i >= 0 {
		b = b[i+1:]
	}
	text := string(b)
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "�")
	}
	return strings.TrimRight(text, "\n")
}
