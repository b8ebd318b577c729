package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// With is the text of a configuration file in which one setting, named as
// "sandbox.pool.size", has another value, given as people type it. Everything
// else stays as it is written, comments and empty lines too. raw must have
// been read without an error, but for that setting.
func With(raw []byte, key, value string) ([]byte, error) {
	path := strings.Split(key, ".")
	t, err := typeOf(path)
	if err != nil {
		return nil, err
	}
	text, err := literal(t, key, value)
	if err != nil {
		return nil, err
	}
	out, err := put(raw, path, text)
	if err != nil {
		return nil, err
	}
	if !setsOnly(raw, out, path, text) {
		return nil, fmt.Errorf("%s could not be set without touching what stands around it: write it into the file by hand", key)
	}
	return out, nil
}

// literal is a value as it stands in the file, in one line.
func literal(t reflect.Type, key, value string) (string, error) {
	no := func(what string) error {
		return fmt.Errorf("%s is %s, and %q is not: nothing was changed", key, what, value)
	}
	var v any
	var err error
	switch k := t.Kind(); {
	case t == reflect.TypeFor[time.Duration]():
		if _, err := time.ParseDuration(value); err != nil {
			return "", no("a duration such as 300s or 24h")
		}
		v = value
	case k == reflect.String:
		v = value
	case k == reflect.Bool:
		if v, err = strconv.ParseBool(value); err != nil {
			return "", no("true or false")
		}
	case k == reflect.Int, k == reflect.Int64:
		if v, err = strconv.ParseInt(value, 10, 64); err != nil {
			return "", no("a whole number")
		}
	case k == reflect.Float64:
		if v, err = strconv.ParseFloat(value, 64); err != nil {
			return "", no("a number")
		}
	case k == reflect.Slice && t.Elem().Kind() == reflect.String && !strings.HasPrefix(strings.TrimSpace(value), "["):
		list := []string{}
		for e := range strings.SplitSeq(value, ",") {
			if e = strings.TrimSpace(e); e != "" {
				list = append(list, e)
			}
		}
		v = list
	default: // a list, a mapping: as YAML
		var any any
		err := yaml.Unmarshal([]byte(value), &any)
		if err != nil || any == nil || k == reflect.Slice != (reflect.TypeOf(any).Kind() == reflect.Slice) {
			return "", no("a list or a mapping in YAML, such as [{id: my-model}]")
		}
		v = any
	}
	switch v := v.(type) {
	case string:
		text, err := yaml.Marshal(v)
		if err != nil || bytes.Count(text, []byte("\n")) != 1 {
			return strconv.Quote(v), nil
		}
		return strings.TrimSuffix(string(text), "\n"), nil
	default:
		text, err := json.Marshal(v) // which YAML is too
		return string(text), err
	}
}

// setsOnly reports whether two texts say the same but for one setting, which
// has the value in the second.
func setsOnly(before, after []byte, path []string, text string) bool {
	var was, is map[string]any
	var value any
	if yaml.Unmarshal(before, &was) != nil || yaml.Unmarshal(after, &is) != nil || yaml.Unmarshal([]byte(text), &value) != nil {
		return false
	}
	if was == nil {
		was = map[string]any{}
	}
	at := was
	for _, key := range path[:len(path)-1] {
		inner, ok := at[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			at[key] = inner
		}
		at = inner
	}
	at[path[len(path)-1]] = value
	return reflect.DeepEqual(was, is)
}
