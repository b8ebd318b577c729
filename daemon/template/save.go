package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
)

// ErrExists: there is one of that name.
var ErrExists = errors.New("exists already")

// Invalid is a definition that cannot be saved.
type Invalid struct{ Problems []Problem }

func (i *Invalid) Error() string { return i.Problems[0].Msg }

// YAML is a definition as a file of its kind has it, keys in a fixed order.
func YAML(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var ordered yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(raw, &ordered, yaml.UseOrderedMap()); err != nil {
		return nil, err
	}
	return yaml.MarshalWithOptions(trim(ordered), yaml.UseLiteralStyleIfMultiline(true), yaml.IndentSequence(true))
}

// trim leaves out what says nothing.
func trim(in yaml.MapSlice) yaml.MapSlice {
	out := yaml.MapSlice{}
	for _, e := range in {
		if m, ok := e.Value.(yaml.MapSlice); ok && e.Key != "env" {
			e.Value = trim(m)
		}
		switch v := e.Value.(type) {
		case nil:
			continue
		case string:
			if v == "" {
				continue
			}
		case bool:
			if !v {
				continue
			}
		case []any:
			if len(v) == 0 {
				continue
			}
		case yaml.MapSlice:
			if len(v) == 0 {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

// Save writes a definition as a file. over says whether it may take the place
// of one; else that is ErrExists.
func (l *Library) Save(kind Kind, called string, def Definition, over bool) (Entry, error) {
	if !name.MatchString(called) {
		return Entry{}, &Invalid{[]Problem{{Msg: "A name is made of letters, digits, spaces, dots, - and _, and begins with a letter or digit."}}}
	}
	text, err := YAML(def)
	if err != nil {
		return Entry{}, err
	}
	if _, problems := Parse(kind, text); len(problems) > 0 {
		return Entry{}, &Invalid{problems}
	}
	l.write.Lock()
	defer l.write.Unlock()
	path := filepath.Join(l.dir, string(kind), called+".yaml")
	was, err := l.Get(kind, called)
	switch {
	case err == nil && !over:
		return Entry{}, fmt.Errorf("%s %q: %w", kind.one(), called, ErrExists)
	case err == nil:
		path = was.File
	case !errors.Is(err, fs.ErrNotExist):
		return Entry{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Entry{}, err
	}
	if err := replace(path, text); err != nil {
		return Entry{}, fmt.Errorf("save %s %q: %w", kind.one(), called, err)
	}
	return l.file(kind, called, path)
}

// replace writes a file whole or not at all.
func replace(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Delete removes a file; fs.ErrNotExist when there is none.
func (l *Library) Delete(kind Kind, called string) error {
	l.write.Lock()
	defer l.write.Unlock()
	e, err := l.Get(kind, called)
	if err != nil {
		return err
	}
	return os.Remove(e.File)
}
