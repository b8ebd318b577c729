package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// Set gives one setting, named as "sandbox.pool.size", another value in the
// file, and keeps all else in it. A value that cannot be is an error, and the
// file stays as it is. It returns the file's name.
func Set(flags Flags, key, value string) (string, error) {
	p, err := paths(flags.DataDir)
	if err != nil {
		return "", err
	}
	raw, err := read(p.Config)
	if err != nil {
		return "", err
	}
	text, err := With(raw, key, value)
	if err != nil {
		return "", err
	}
	if _, err := load(p, text, Flags{}); err != nil {
		return "", fmt.Errorf("nothing was changed: %w", err)
	}
	return p.Config, replace(p.Config, text)
}

// replace writes a file whole or not at all. A link stays one.
func replace(path string, text []byte) error {
	mode := fs.FileMode(0o600)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".config-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Validate gives all that can be said to be wrong with a configuration file, as
// sentences with their lines, and its name.
func Validate(flags Flags) (file string, problems []string, err error) {
	p, err := paths(flags.DataDir)
	if err != nil {
		return "", nil, err
	}
	raw, err := read(p.Config)
	if err != nil {
		return "", nil, err
	}
	if all := unknown(p.Config, raw); len(all) > 0 {
		return p.Config, all, nil
	}
	if _, err := load(p, raw, Flags{}); err != nil {
		problems = append(problems, err.Error())
	}
	return p.Config, problems, nil
}

// Show is a configuration in YAML as it counts: defaults, file, environment and
// flags. With a key it is only that setting.
func (c Config) Show(key string) (string, error) {
	v := reflect.ValueOf(c)
	if key != "" {
		path := strings.Split(key, ".")
		if _, err := typeOf(path); err != nil {
			return "", err
		}
		for _, k := range path {
			v = under(v, k)
		}
	}
	switch {
	case !v.IsValid(): // of a map, which does not have it
		return "", nil
	case v.Kind() == reflect.String:
		return v.String() + "\n", nil
	}
	text, err := yaml.Marshal(v.Interface())
	return string(text), err
}

// under is what stands under a key of a setting.
func under(v reflect.Value, key string) reflect.Value {
	if v.Kind() == reflect.Pointer { // a section that may be missing
		v = v.Elem()
	}
	switch {
	case !v.IsValid():
	case v.Kind() == reflect.Map:
		return v.MapIndex(reflect.ValueOf(key))
	default:
		for f, inner := range v.Fields() {
			if f.Tag.Get("yaml") == key {
				return inner
			}
		}
	}
	return reflect.Value{}
}
