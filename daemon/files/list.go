package files

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Entry is a file or a folder.
type Entry struct {
	Name     string
	Path     string // below the root
	Folder   bool   // or a link to one
	Size     int64  // bytes; of a link: of itself
	Modified time.Time
}

// hidden are folders that hold nothing for people.
var hidden = map[string]bool{"node_modules": true, "__pycache__": true, "venv": true}

// visible are names that begin with a dot and are shown all the same.
var visible = map[string]bool{".github": true, ".claude": true, ".vscode": true}

const list = `inside -e "$path"
[ -d "$at" ] || exit 3
[ -r "$at" ] && [ -x "$at" ] && cd -- "$at" || exit 5
find . -mindepth 1 -maxdepth 1 -printf '%Y %s %T@ %f\0'
`

// List gives what lies in a folder, folders first. cut tells that there is more.
func (f *Files) List(ctx context.Context, p Place) (entries []Entry, cut bool, err error) {
	out, cut, err := f.script(ctx, p, list, nil, maxList)
	if err != nil {
		return nil, false, err
	}
	entries = slices.DeleteFunc(readEntries(p.Path, out), func(e Entry) bool {
		return hidden[e.Name] || strings.HasPrefix(e.Name, ".") && !visible[e.Name]
	})
	slices.SortFunc(entries, func(a, b Entry) int {
		if a.Folder != b.Folder {
			return map[bool]int{true: -1, false: 1}[a.Folder]
		}
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return entries, cut, nil
}

// readEntries reads what find printed of things in a folder. What cannot be asked
// for, as it could not stand in JSON, is left out, and so is a last one without
// its end.
func readEntries(dir string, out []byte) []Entry {
	entries := []Entry{}
	lines := strings.Split(string(out), "\x00")
	for _, l := range lines[:len(lines)-1] {
		f := strings.SplitN(l, " ", 4)
		if len(f) != 4 || !utf8.ValidString(f[3]) || !named(f[3]) {
			continue
		}
		size, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil || size < 0 {
			continue
		}
		entries = append(entries, Entry{Name: f[3], Path: path.Join(dir, f[3]), Folder: f[0] == "d", Size: size, Modified: moment(f[2])})
	}
	return entries
}

// moment reads seconds since 1970 with a fraction; nonsense is 1970.
func moment(s string) time.Time {
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec < 0 || sec > 253402300799 { // the year 9999
		return time.Unix(0, 0).UTC()
	}
	ms, _ := strconv.ParseInt((fraction + "000")[:3], 10, 64)
	return time.Unix(sec, ms*int64(time.Millisecond)).UTC()
}

// named reports whether a name is one of something in a folder.
func named(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}
