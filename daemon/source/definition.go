package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"volundr/store"
)

// DefinitionFolder is where a repository says how sessions of it begin.
const DefinitionFolder = ".volundr"

// Bounds of what is read of it.
const (
	MaxDefinitionFile = 32 << 10 // bytes
	maxDefinition     = 256 << 10
	maxPrompts        = 50
	maxEntries        = 1000 // of one folder
	lookTime          = time.Minute
)

// Definition is what lies in a repository's folder .volundr: the bytes of a
// stranger, bounded, and not looked into.
type Definition struct {
	Commit string           // that was looked at; empty: a folder as it lies
	Files  []DefinitionFile // session.yaml first, then prompts by name
}

// DefinitionFile is one file of it, named from the folder on.
type DefinitionFile struct {
	Name    string
	Content []byte
	// Problem says why there is no content, as in "is a link".
	Problem string
}

// UnreadError says why a definition could not be read, of a source that can be
// used otherwise.
type UnreadError struct{ Why string }

func (e *UnreadError) Error() string { return "the definition could not be read: " + e.Why }

// Definition reads what a source brings: of a repository at the branch that a
// session of it begins with, else at the base of that, else at the remote's
// default; of a folder that is copied as it lies. Nothing of it is run, and no
// link is followed. A live folder and an empty workspace bring nothing: the one
// is written by agents. The error is a *CheckError or an *UnreadError.
func (s *Sources) Definition(ctx context.Context, p store.Principal, kind, repo, branch, base, localPath string) (Definition, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookTime, fmt.Errorf("it took longer than %s", lookTime))
	defer cancel()
	switch {
	case kind == Git && repo != "":
		return s.committed(ctx, p, repo, branch, base)
	case kind == LocalCopy:
		return s.lying(localPath)
	}
	return Definition{}, nil
}

// committed reads the definition of a repository.
func (s *Sources) committed(ctx context.Context, p store.Principal, repo, branch, base string) (Definition, error) {
	names := []string{"HEAD"}
	for _, name := range []string{base, branch} {
		if name != "" {
			names = append(names, "refs/heads/"+name)
		}
	}
	l, r, err := s.askAs(ctx, p, repo, names...)
	if err != nil {
		return Definition{}, err
	}
	slices.Reverse(names)
	at := slices.IndexFunc(names, func(name string) bool { return l.oid[name] != "" })
	if at < 0 { // no commit yet
		return Definition{}, nil
	}
	var d Definition
	err = s.look(ctx, r, names[at], l.oid[names[at]], func(t *gitFolder) error {
		d, err = gather(ctx, t)
		d.Commit = t.commit
		return err
	})
	return d, unread(err)
}

// unread is what kept a definition from being read.
func unread(err error) error {
	var said *gitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said):
		return &UnreadError{strings.TrimSuffix(said.Error(), ".")}
	}
	return &UnreadError{err.Error()}
}

func tooMany(in string) error {
	return fmt.Errorf("the folder %s holds more than %d things, and nobody could read that", in, maxEntries)
}

// entry is one thing in a folder.
type entry struct {
	name string
	kind string // file, folder; else why it is neither, as in "is a link"
	oid  string // of git
}

const (
	aFile   = "file"
	aFolder = "folder"
)

// folder is where a definition lies.
type folder interface {
	// list gives what is in a folder, which lies in the one that was made for;
	// nothing where it is not there.
	list(ctx context.Context, in entry) ([]entry, error)
	// read gives files of a folder; nil: one is larger than MaxDefinitionFile.
	read(ctx context.Context, dir string, files []entry) ([][]byte, error)
}

// gather reads a definition out of the root of a workspace.
func gather(ctx context.Context, f folder) (Definition, error) {
	var d Definition
	bad := func(name, problem string) { d.Files = append(d.Files, DefinitionFile{Name: name, Problem: problem}) }
	top, err := f.list(ctx, entry{})
	if err != nil {
		return d, err
	}
	own := slices.IndexFunc(top, func(e entry) bool { return e.name == DefinitionFolder })
	switch {
	case own < 0:
		return d, nil
	case top[own].kind != aFolder:
		bad(DefinitionFolder, cmp.Or(map[string]string{aFile: "is a file, where a folder is meant"}[top[own].kind], top[own].kind))
		return d, nil
	}
	in, err := f.list(ctx, top[own])
	if err != nil {
		return d, err
	}
	var yaml, prompts []entry
	for _, e := range in {
		switch {
		case e.name == "session.yaml" && e.kind == aFile:
			yaml = append(yaml, e)
		case e.name == "session.yaml":
			bad(e.name, cmp.Or(map[string]string{aFolder: "is a folder, where a file is meant"}[e.kind], e.kind))
		case e.name == "session.yml":
			bad(e.name, "does not count: call it session.yaml")
		case e.name == "prompts" && e.kind == aFolder:
			all, err := f.list(ctx, entry{name: path.Join(DefinitionFolder, e.name), kind: aFolder, oid: e.oid})
			if err != nil {
				return d, err
			}
			for _, p := range all {
				switch name := path.Join("prompts", p.name); {
				case !strings.HasSuffix(p.name, ".md"):
				case p.kind == aFile:
					prompts = append(prompts, p)
				case p.kind != aFolder:
					bad(name, p.kind)
				}
			}
		case e.name == "prompts":
			bad(e.name, cmp.Or(map[string]string{aFile: "is a file, where a folder is meant"}[e.kind], e.kind))
		}
	}
	if len(prompts) > maxPrompts {
		bad("prompts", fmt.Sprintf("holds more than %d prompts", maxPrompts))
		prompts = nil
	}
	slices.SortFunc(prompts, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	var files []DefinitionFile
	size := 0
	for _, of := range []struct {
		dir, name string
		files     []entry
	}{{DefinitionFolder, "", yaml}, {path.Join(DefinitionFolder, "prompts"), "prompts", prompts}} {
		if len(of.files) == 0 {
			continue
		}
		contents, err := f.read(ctx, of.dir, of.files)
		if err != nil {
			return d, err
		}
		for i, e := range of.files {
			one := DefinitionFile{Name: path.Join(of.name, e.name), Content: contents[i]}
			if contents[i] == nil {
				one.Problem = fmt.Sprintf("is larger than %d KiB", MaxDefinitionFile>>10)
			}
			size += len(contents[i])
			files = append(files, one)
		}
	}
	if size > maxDefinition {
		files = nil
		bad(DefinitionFolder, fmt.Sprintf("holds more than %d KiB", maxDefinition>>10))
	}
	d.Files = append(files, d.Files...)
	return d, nil
}
