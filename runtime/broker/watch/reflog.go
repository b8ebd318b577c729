package watch

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// mark is how far a reflog was read.
type mark struct {
	File uint64 `json:"file"` // inode
	Size int64  `json:"size"`
	Last string `json:"last,omitempty"` // the end of the last line that was read, hex
}

// end200 is what is kept of a line.
func end200(line string) string { return hex.EncodeToString([]byte(line[max(0, len(line)-200):])) }

// endsAt reports whether the last line known still stands before the mark.
func (m mark) endsAt(f io.ReaderAt) bool {
	want, err := hex.DecodeString(m.Last)
	if err != nil || m.Size < int64(len(want))+1 {
		return m.Size == 0
	}
	got := make([]byte, len(want)+1)
	_, err = f.ReadAt(got, m.Size-int64(len(got)))
	return err == nil && string(got) == string(want)+"\n"
}

// movement is one line of a reflog.
type movement struct {
	log      string // HEAD, refs/heads/…, refs/remotes/…
	old, new string
	who      string
	at       int64 // unix seconds
	what     string
}

const (
	maxTail  = 4 << 20 // of a reflog, at once
	maxMoves = 2000
)

// logs lists the reflogs of a repository that are of interest, by name: HEAD
// and, for the one that owns them, those of branches and remotes. folders are
// those that a new one may appear in.
func (p place) logs() (files map[string]string, folders []string) {
	files = map[string]string{}
	head := filepath.Join(p.dir, "logs")
	if st, err := os.Lstat(head); err != nil || !st.IsDir() {
		return files, nil
	}
	folders = append(folders, head)
	files["HEAD"] = filepath.Join(head, "HEAD")
	if p.dir != p.common {
		return files, folders
	}
	for _, kind := range []string{"heads", "remotes"} {
		filepath.WalkDir(filepath.Join(head, "refs", kind), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
			case d.IsDir():
				folders = append(folders, path)
			case d.Type().IsRegular() && len(files) < maxLogs:
				if rel, err := filepath.Rel(head, path); err == nil {
					files[rel] = path
				}
			}
			return nil
		})
	}
	if st, err := os.Lstat(filepath.Join(head, "refs")); err == nil && st.IsDir() {
		folders = append(folders, filepath.Join(head, "refs"))
	}
	return files, folders
}

// moves reads what was added to the reflogs since marks, which it moves on. Of
// a repository without marks lines older than since are left out: it may have
// been copied here with its history.
func (p place) moves(marks map[string]mark, since int64) []movement {
	files, _ := p.logs()
	for name := range marks {
		if files[name] == "" {
			delete(marks, name)
		}
	}
	if len(marks) > 0 {
		since = 0
	}
	var all []movement
	for name, path := range files {
		lines, m, ok := tail(path, marks[name])
		if !ok {
			continue
		}
		marks[name] = m
		latest := int64(0) // a date may be set by hand; the order of a log counts
		for _, line := range lines {
			if v, ok := parseMove(line); ok && v.at >= since {
				latest = max(latest, v.at)
				v.log, v.at = name, latest
				all = append(all, v)
			}
		}
	}
	all = ordered(all)
	if len(all) > maxMoves {
		all = all[len(all)-maxMoves:]
	}
	return all
}

// ordered puts the movements of several logs, whose times are seconds, in one
// order. HEAD's stay as they are; a branch is made right before it is checked
// out, and a commit is pushed after it was made.
func ordered(all []movement) []movement {
	var head, rest []movement
	for _, m := range all {
		if m.log == "HEAD" {
			head = append(head, m)
		} else {
			rest = append(rest, m)
		}
	}
	slices.SortStableFunc(rest, func(a, b movement) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.log, b.log)) })
	behind := make([][]movement, len(head)+1) // what stands before head[i]
	for _, m := range rest {
		branch := strings.TrimPrefix(m.log, "refs/heads/")
		at := 0
		for i, h := range head {
			if h.at > m.at {
				break
			}
			if at = i + 1; strings.HasPrefix(h.what, "checkout: ") && strings.HasSuffix(h.what, " to "+branch) {
				at = i
				break
			}
			if h.new == m.new && strings.HasPrefix(m.log, "refs/remotes/") {
				break
			}
		}
		behind[at] = append(behind[at], m)
	}
	all = nil
	for i, h := range head {
		all = append(append(all, behind[i]...), h)
	}
	return append(all, behind[len(head)]...)
}

// tail gives the whole lines of a file behind a mark. In a file that was
// written anew the last line known is looked for.
func tail(path string, m mark) (lines []string, now mark, ok bool) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, m, false
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return nil, m, false
	}
	sys, isStat := st.Sys().(*syscall.Stat_t)
	if !isStat {
		return nil, m, false
	}
	if m.File == sys.Ino && m.Size == st.Size() {
		return nil, m, true
	}
	from, same := m.Size, m.File == sys.Ino && m.Size < st.Size() && m.endsAt(f)
	if !same {
		from = 0
	}
	from = max(from, st.Size()-maxTail)
	b, err := io.ReadAll(io.NewSectionReader(f, from, st.Size()-from))
	if err != nil {
		return nil, m, false
	}
	end := bytes.LastIndexByte(b, '\n') + 1
	now = mark{File: sys.Ino, Size: from + int64(end), Last: m.Last}
	lines = strings.Split(string(b[:end]), "\n")
	lines = lines[:len(lines)-1]
	if len(lines) > 0 {
		now.Last = end200(lines[len(lines)-1])
	}
	if !same && m.Last != "" {
		i := slices.IndexFunc(lines, func(l string) bool { return end200(l) == m.Last })
		if i < 0 {
			return nil, now, true // nobody knows what of it is new
		}
		lines = lines[i+1:]
	}
	return lines, now, true
}

// parseMove reads "old new Name <mail> seconds zone TAB what".
func parseMove(line string) (m movement, ok bool) {
	head, what, _ := strings.Cut(line, "\t")
	if len(head) < 84 {
		return m, false
	}
	var rest string
	m.old, rest, _ = strings.Cut(head, " ")
	m.new, rest, _ = strings.Cut(rest, " ")
	if !objectName(m.old) || !objectName(m.new) {
		return m, false
	}
	i := strings.LastIndex(rest, "> ")
	if i < 0 {
		return m, false
	}
	who, _, _ := strings.Cut(rest[:i], " <")
	when, _, _ := strings.Cut(rest[i+2:], " ")
	var err error
	m.at, err = strconv.ParseInt(when, 10, 64)
	m.who, m.what = clip(who, maxText), clip(what, maxText)
	return m, err == nil
}

// clip gives at most n bytes of a text.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
