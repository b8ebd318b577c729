package pack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Resume names the conversation that an agent goes on with. It stands in every
// pack of a context, as the file ResumeFile below the home.
type Resume struct {
	Agent   string `json:"agent"`   // its kind
	Session string `json:"session"` // the ACP session; empty: a new one
}

// ResumeFile is where a session's home says what conversation it began with.
const ResumeFile = ".volundr/resume.json"

// ErrNoContext is there when an agent has no conversation, or none that is
// known how to take along.
var ErrNoContext = errors.New("the agent has no conversation that can be taken along")

// A session's id becomes part of a pattern for files.
var sessionID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)

// Transcripts lists the files below home in which an agent keeps a
// conversation, the one that grows with every turn first.
func Transcripts(home string, r Resume) ([]string, error) {
	if !sessionID.MatchString(r.Session) {
		return nil, ErrNoContext
	}
	var found []string
	switch r.Agent {
	case "claude":
		found = glob(home, ".claude/projects/*/"+r.Session+".jsonl")
		for _, main := range found {
			// What sub-agents said, and results too long for the file.
			found = append(found, below(home, strings.TrimSuffix(main, ".jsonl"))...)
		}
	case "codex":
		found = glob(home, ".codex/sessions/*/*/*/rollout-*-"+r.Session+".jsonl")
	}
	if len(found) == 0 {
		return nil, ErrNoContext
	}
	return found, nil
}

func glob(home, pattern string) []string {
	root, err := os.OpenRoot(home)
	if err != nil {
		return nil
	}
	defer root.Close()
	list, _ := fs.Glob(root.FS(), pattern)
	return slices.DeleteFunc(list, func(p string) bool {
		info, err := root.Lstat(p)
		return err != nil || !info.Mode().IsRegular()
	})
}

func below(home, dir string) []string {
	root, err := os.OpenRoot(home)
	if err != nil {
		return nil
	}
	defer root.Close()
	var list []string
	fs.WalkDir(root.FS(), dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			list = append(list, p)
		}
		return nil
	})
	return list
}

// Transcript is one file of a context, as far as it goes.
type Transcript struct {
	Path   string // below the home
	From   string // the file that holds it
	Length int64  // -1: up to its last whole line now
}

// WriteContext packs a conversation.
func WriteContext(out io.Writer, r Resume, files []Transcript, l Limits) (Sum, error) {
	w, err := NewWriter(out, l)
	if err != nil {
		return Sum{}, err
	}
	said, err := json.Marshal(r)
	if err != nil {
		return Sum{}, err
	}
	all := append(slices.Clone(files), Transcript{Path: ResumeFile})
	slices.SortFunc(all, func(a, b Transcript) int {
		if Before(a.Path, b.Path) {
			return -1
		}
		return 1
	})
	if _, err := w.Add(Entry{Path: ".", Mode: fs.ModeDir | 0o700, ModTime: time.Unix(0, 0)}, nil); err != nil {
		return w.sum, err
	}
	made := map[string]bool{}
	for _, f := range all {
		for _, dir := range parents(f.Path) {
			if !made[dir] {
				made[dir] = true
				if _, err := w.Add(Entry{Path: dir, Mode: fs.ModeDir | 0o700, ModTime: time.Unix(0, 0)}, nil); err != nil {
					return w.sum, err
				}
			}
		}
		if f.Path == ResumeFile {
			_, err = w.Add(Entry{Path: f.Path, Mode: 0o600, ModTime: time.Unix(0, 0), Size: int64(len(said))}, bytes.NewReader(said))
		} else {
			err = w.transcript(f)
		}
		if err != nil {
			return w.sum, err
		}
	}
	return w.Close()
}

func (w *Writer) transcript(t Transcript) error {
	f, err := os.Open(t.From)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := min(t.Length, info.Size())
	if t.Length < 0 {
		if size, err = WholeLines(f, info.Size()); err != nil {
			return err
		}
	}
	_, err = w.Add(Entry{Path: t.Path, Mode: 0o600, ModTime: info.ModTime(), Size: size}, f)
	return err
}

// WholeLines gives the length of a file of JSON lines without a last line that
// is still being written. Other files count whole.
func WholeLines(f *os.File, size int64) (int64, error) {
	if !strings.HasSuffix(f.Name(), ".jsonl") {
		return size, nil
	}
	buf := make([]byte, 64<<10)
	for end := size; end > 0; {
		from := max(0, end-int64(len(buf)))
		n, err := f.ReadAt(buf[:end-from], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// parents lists the folders that a path stands in, the outermost first.
func parents(p string) (list []string) {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		list = append([]string{dir}, list...)
	}
	return list
}

// contextPath is what may stand in a pack of a context: nothing that a shell, an
// editor or the agent would run.
var contextPath = regexp.MustCompile(`^\.(claude/projects/[^/]+/|codex/sessions/)[^\n]*$`)

// UnpackContext lays a conversation into a home that has none, below nothing
// that is there, and says what it is. It may be killed at any point and begun
// again; ResumeFile is written last.
func UnpackContext(in io.Reader, home, want string, l Limits) (r Resume, err error) {
	stage := filepath.Join(home, ".volundr", "context.new")
	if err := Clear(stage); err != nil {
		return r, err
	}
	if err := os.MkdirAll(stage, 0o700); err != nil {
		return r, err
	}
	defer Clear(stage)
	if _, err := Unpack(in, stage, want, l); err != nil {
		return r, err
	}
	said, err := os.ReadFile(filepath.Join(stage, ResumeFile))
	if err != nil {
		return r, damaged(err)
	}
	if err := json.Unmarshal(said, &r); err != nil || (r.Session != "" && !sessionID.MatchString(r.Session)) {
		return r, damaged(errors.New("it does not say what conversation it holds"))
	}
	top, err := os.OpenRoot(home)
	if err != nil {
		return r, err
	}
	defer top.Close()
	for _, file := range below(stage, ".") {
		if file == ResumeFile {
			continue
		}
		if !contextPath.MatchString(file) {
			return r, damaged(fmt.Errorf("%q is no part of a conversation", file))
		}
		if err := top.MkdirAll(path.Dir(file), 0o700); err != nil {
			return r, err
		}
		if _, err := top.Lstat(file); err == nil {
			continue // laid before, and perhaps grown since
		}
		if err := top.Rename(path.Join(".volundr/context.new", file), file); err != nil {
			return r, err
		}
	}
	return r, top.Rename(".volundr/context.new/"+ResumeFile, ResumeFile)
}

// Resumed reads what conversation a home began with, if it did with one.
func Resumed(home string) (r Resume, ok bool) {
	b, err := os.ReadFile(filepath.Join(home, ResumeFile))
	return r, err == nil && len(b) < 4096 && json.Unmarshal(b, &r) == nil && sessionID.MatchString(r.Session)
}
