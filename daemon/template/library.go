package template

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Library reads the files of one configuration directory. Its methods may be
// called from many goroutines.
type Library struct {
	dir   string
	write sync.Mutex

	mu    sync.Mutex
	cache map[string]cached // by file
}

// cached is a file that is not read again while it looks the same.
type cached struct {
	at    time.Time
	size  int64
	entry Entry
}

// New gives the library of a configuration directory; nothing need be there.
func New(dir string) *Library { return &Library{dir: dir, cache: map[string]cached{}} }

// Dir is the configuration directory.
func (l *Library) Dir() string { return l.dir }

// maxFiles bounds what is read of a folder.
const maxFiles = 500

var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$`)

// List gives all of a kind by name, those that cannot be used included.
func (l *Library) List(kind Kind) ([]Entry, error) {
	if kind == Session {
		e, err := l.file(Session, "session", filepath.Join(l.dir, "session.yaml"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return []Entry{e}, err
	}
	dir := filepath.Join(l.dir, string(kind))
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", kind, err)
	}
	var all []Entry
	for _, f := range files {
		base, yaml := called(f.Name())
		if !yaml || f.IsDir() || len(all) == maxFiles {
			continue
		}
		e, err := l.file(kind, base, filepath.Join(dir, f.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // just gone
		}
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	for i := range all {
		if i > 0 && all[i].Name == all[i-1].Name {
			all[i].Problems = append(slices.Clone(all[i].Problems), Problem{File: all[i].File,
				Msg: fmt.Sprintf("there is another %s %q: %s", kind.one(), all[i].Name, filepath.Base(all[i-1].File))})
		}
	}
	return all, nil
}

// called is a file's name without its end, and whether it is one of ours.
func called(file string) (string, bool) {
	for _, end := range []string{".yaml", ".yml"} {
		if base, ok := strings.CutSuffix(file, end); ok && !strings.HasPrefix(file, ".") {
			return base, true
		}
	}
	return "", false
}

// file reads one, unless it has not changed since it was read.
func (l *Library) file(kind Kind, called, path string) (Entry, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Entry{}, err
	}
	l.mu.Lock()
	c, ok := l.cache[path]
	l.mu.Unlock()
	// What was written a moment ago may be written again within the same tick.
	if ok && c.at.Equal(info.ModTime()) && c.size == info.Size() && time.Since(c.at) > 2*time.Second {
		return c.entry, nil
	}
	e := Entry{Kind: kind, Name: called, File: path}
	switch text, err := readFile(path, info); {
	case err != nil:
		e.Problems = []Problem{{Msg: err.Error()}}
	default:
		e.Definition, e.Problems = Parse(kind, text)
	}
	if !name.MatchString(called) {
		e.Problems = append(e.Problems, Problem{Msg: "the file's name is to be made of letters, digits, spaces, dots, - and _, and begin with a letter or digit"})
	}
	for i := range e.Problems {
		e.Problems[i].File = path
	}
	l.mu.Lock()
	l.cache[path] = cached{info.ModTime(), info.Size(), e}
	l.mu.Unlock()
	return e, nil
}

func readFile(path string, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() || info.Size() > maxDocument {
		return nil, errors.New("this is not a file of at most 1 MiB")
	}
	return os.ReadFile(path)
}

// Get gives one by its name; fs.ErrNotExist when there is none.
func (l *Library) Get(kind Kind, called string) (Entry, error) {
	all, err := l.List(kind)
	if err != nil {
		return Entry{}, err
	}
	for _, e := range all {
		if e.Name == called {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("%s %q: %w", kind.one(), called, fs.ErrNotExist)
}

// Lint reads everything and gives what is wrong with it, file by file.
func (l *Library) Lint() (files int, problems []Problem, err error) {
	for _, kind := range []Kind{Session, Profile, Template} {
		all, err := l.List(kind)
		if err != nil {
			return files, problems, err
		}
		defaults := 0
		for _, e := range all {
			files++
			problems = append(problems, e.Problems...)
			if e.Default {
				if defaults++; defaults == 2 {
					problems = append(problems, Problem{File: e.File, Msg: fmt.Sprintf("there is another default %s: only one can be", kind.one())})
				}
			}
			if kind != Template || e.ProfileName == "" {
				continue
			}
			if _, err := l.Get(Profile, e.ProfileName); errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, Problem{File: e.File, Line: l.keyLine(e.File, "profile_name"),
					Msg: fmt.Sprintf("there is no profile %q%s", e.ProfileName, l.near(Profile, e.ProfileName))})
			}
		}
	}
	return files, problems, nil
}

func (l *Library) keyLine(file, key string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	return read(text).line([]string{key})
}

// near names what there is that is called like something.
func (l *Library) near(kind Kind, called string) string {
	all, err := l.List(kind)
	if err != nil || len(all) == 0 {
		return ": there is none at all"
	}
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name
	}
	return meant(called, names)
}
