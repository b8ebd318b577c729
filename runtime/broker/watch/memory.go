package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// What is kept of contents.
const (
	maxContent = 4 << 20   // a longer file is known by its size and time only
	maxStored  = 512 << 20 // new contents of one memory; then it begins anew
	maxLong    = 1000      // files known by size and time
	maxIndex   = 256 << 20 // of a repository's index that is taken over
	maxLogs    = 2000      // reflogs
)

// memory is what was last told of a working tree: a repository of our own
// beside it, whose index and trees hold what its files were. Contents that the
// tree's own repository has are not stored again.
type memory struct {
	path string // its folder
	git  git
	told told
	// ahead: the index may hold what was not told.
	ahead bool
}

// told is kept on the disk, so that nothing is told twice.
type told struct {
	Tree   string          `json:"tree"`
	Format string          `json:"format"`           // of object names
	Common string          `json:"common,omitempty"` // the repository whose objects are used
	Outer  []string        `json:"outer,omitempty"`  // whose objects are used because the tree was part of another
	Long   map[string]long `json:"long,omitempty"`
	Stored int64           `json:"stored,omitempty"` // bytes, of which
	Base   int64           `json:"base,omitempty"`   // when it was made
	Logs   map[string]mark `json:"logs,omitempty"`
	Fresh  []fresh         `json:"fresh,omitempty"`
	At     int64           `json:"at"` // unix seconds
}

// long is a file that is too long to be remembered.
type long struct {
	Size int64 `json:"size"`
	Time int64 `json:"time"`
}

const (
	toldFile   = "told.json"
	emptyTrees = "4b825dc642cb6eb9a060e54bf8d69288fbee4904 6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
)

func openMemory(path, tree, home string) *memory {
	m := &memory{path: path, git: git{dir: tree, home: home}}
	m.lean()
	return m
}

// load takes up what is on the disk; false: nothing that can be used.
func (m *memory) load() bool {
	b, err := os.ReadFile(filepath.Join(m.path, toldFile))
	if err != nil || len(b) > 16<<20 || json.Unmarshal(b, &m.told) != nil || !objectName(m.told.Tree) {
		m.told = told{}
		return false
	}
	m.fill()
	m.lean()
	m.ahead = true
	return true
}

func (m *memory) fill() {
	if m.told.Long == nil {
		m.told.Long = map[string]long{}
	}
	if m.told.Logs == nil {
		m.told.Logs = map[string]mark{}
	}
}

func (m *memory) save(now int64) error {
	m.told.At = now
	b, err := json.Marshal(m.told)
	if err != nil {
		return err
	}
	tmp := filepath.Join(m.path, toldFile+".new")
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(m.path, toldFile))
}

// make makes an empty memory. With a repository its objects are used, and its
// index tells which files have not changed since it was written.
func (m *memory) make(ctx context.Context, p *place) error {
	if err := os.RemoveAll(m.path); err != nil {
		return err
	}
	at := filepath.Join(m.path, "git")
	for _, d := range []string{"objects/info", "objects/pack", "refs", "info"} {
		if err := os.MkdirAll(filepath.Join(at, d), 0o700); err != nil {
			return err
		}
	}
	logs := m.told.Logs
	m.told = told{Format: format(ctx, m.git, p), Logs: logs}
	if p != nil {
		m.told.Common = p.common
	}
	m.fill()
	m.lean()
	m.ahead = true
	config := "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
	if m.told.Format == "sha256" {
		config = "[core]\n\trepositoryformatversion = 1\n\tbare = false\n[extensions]\n\tobjectFormat = sha256\n"
	}
	err := errors.Join(
		os.WriteFile(filepath.Join(at, "HEAD"), []byte("ref: refs/heads/none\n"), 0o600),
		os.WriteFile(filepath.Join(at, "config"), []byte(config), 0o600),
		// No program that a repository names is run.
		os.WriteFile(filepath.Join(at, "info", "attributes"), []byte("* -filter -ident\n"), 0o600),
	)
	if err != nil {
		return err
	}
	sha1, sha256, _ := strings.Cut(emptyTrees, " ")
	if m.told.Tree = sha1; m.told.Format == "sha256" {
		m.told.Tree = sha256
	}
	if _, err := m.git.run(ctx, nil, "mktree"); err != nil { // the empty tree, from empty input
		return err
	}
	if p != nil {
		m.adopt(ctx, *p)
	}
	return nil
}

// lean has the objects of the tree's own repository used, which may vanish. Our
// own trees are written without them.
func (m *memory) lean() {
	var others []string
	for _, o := range append([]string{m.told.Common}, m.told.Outer...) {
		if o != "" {
			others = append(others, strconv.Quote(filepath.Join(o, "objects")))
		}
	}
	m.git.env = append(m.own(), "GIT_ALTERNATE_OBJECT_DIRECTORIES="+strings.Join(others, ":"))
}

func (m *memory) own() []string {
	at := filepath.Join(m.path, "git")
	return []string{"GIT_DIR=" + at, "GIT_WORK_TREE=" + m.git.dir, "GIT_INDEX_FILE=" + filepath.Join(at, "index")}
}

// adopt takes over the repository's index. One that is of no use here is left.
func (m *memory) adopt(ctx context.Context, p place) {
	to := filepath.Join(m.path, "git", "index")
	if copyFile(filepath.Join(p.dir, "index"), to, maxIndex) != nil {
		os.Remove(to)
		return
	}
	unmerged, err := m.git.run(ctx, nil, "ls-files", "-u", "-z")
	if err != nil {
		os.Remove(to)
		return
	}
	var drop []string
	for _, f := range fields(unmerged) {
		if _, path, ok := strings.Cut(f, "\t"); ok {
			drop = append(drop, path)
		}
	}
	if len(drop) > 0 {
		m.git.run(ctx, joined(drop), "update-index", "-z", "--force-remove", "--stdin")
	}
}

// excludes are the rules beside those of the tree's .gitignore files.
func (m *memory) excludes(p *place) error {
	var rules strings.Builder
	if p != nil {
		if b, err := os.ReadFile(filepath.Join(p.common, "info", "exclude")); err == nil && len(b) < 1<<20 {
			rules.Write(b)
			rules.WriteByte('\n')
		}
	} else {
		rules.WriteString(usuallyIgnored)
	}
	rules.WriteString("/.volundr-prepare/\n/.volundr-restore/\n")
	return os.WriteFile(filepath.Join(m.path, "git", "info", "exclude"), []byte(rules.String()), 0o600)
}

// usuallyIgnored is what a folder without a repository most often holds and
// nobody wants to read of.
const usuallyIgnored = `node_modules/
bower_components/
.venv/
venv/
__pycache__/
.mypy_cache/
.pytest_cache/
.ruff_cache/
.tox/
.nox/
.eggs/
target/
.gradle/
.next/
.nuxt/
.svelte-kit/
.terraform/
.cache/
.DS_Store
*.swp
`

// forget drops paths without a word.
func (m *memory) forget(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	if _, err := m.git.run(ctx, joined(paths), "update-index", "-z", "--force-remove", "--stdin"); err != nil {
		return err
	}
	tree, err := m.tree(ctx)
	if err == nil {
		m.told.Tree = tree
	}
	return err
}

func (m *memory) tree(ctx context.Context) (string, error) {
	g := m.git
	g.env = m.own()
	return written(ctx, g)
}

// written is the tree of the index that is used.
func written(ctx context.Context, g git) (string, error) {
	out, err := g.run(ctx, nil, "write-tree", "--missing-ok")
	tree := strings.TrimSpace(string(out))
	if err == nil && !objectName(tree) {
		err = fmt.Errorf("git write-tree: %q", tree)
	}
	return tree, err
}

// format is how a repository names its objects.
func format(ctx context.Context, g git, p *place) string {
	if p != nil {
		out, err := git{dir: p.dir, home: g.home, env: []string{"GIT_DIR=" + p.dir}}.run(ctx, nil, "rev-parse", "--show-object-format")
		if err == nil && strings.TrimSpace(string(out)) == "sha256" {
			return "sha256"
		}
	}
	return "sha1"
}

func objectName(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

func copyFile(from, to string, limit int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if st, err := in.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() > limit {
		return errors.Join(err, fs.ErrInvalid)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, limit))
	return errors.Join(err, out.Close())
}
