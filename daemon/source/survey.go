package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of a copy.
const (
	maxBytes = 8 << 30
	maxFiles = 500_000
)

// tree is what a copy of a folder will hold.
type tree struct {
	root  *os.Root
	files []string // slash-separated, in order; folders end in "/"
	git   string   // folder with a made .git; empty when the folder is no repository
	close func()
}

// CheckFolder says, before a session is made, whether a folder may be used and
// copied. The error is a *CheckError.
func (s *Sources) CheckFolder(ctx context.Context, path string) error {
	t, err := s.survey(ctx, path)
	if err != nil {
		return err
	}
	t.close()
	return nil
}

// survey lists what a copy of the folder takes: of a repository what git knows
// and what it would, ignored files left out; of another folder everything.
func (s *Sources) survey(ctx context.Context, path string) (*tree, error) {
	dir, err := s.Folders.Resolve(path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, &CheckError{"local_path", fmt.Sprintf("The folder %s cannot be opened: %s.", path, cause(err))}
	}
	t := &tree{root: root, close: func() { root.Close() }}
	if _, none := root.Lstat(".git"); none == nil {
		err = s.surveyGit(ctx, t, Remote{Repo: path, URL: fileURL(dir), Local: dir})
	} else {
		err = t.walk(ctx)
	}
	if err == nil {
		err = t.bound(path)
	}
	if err != nil {
		t.close()
		return nil, asCheck(path, err)
	}
	return t, nil
}

func asCheck(path string, err error) error {
	var said *gitError
	var check *CheckError
	switch {
	case err == nil || errors.As(err, &check):
		return err
	case errors.As(err, &said):
		return &CheckError{"local_path", said.Error()}
	}
	return &CheckError{"local_path", fmt.Sprintf("The folder %s cannot be read: %s.", path, cause(err))}
}

func (t *tree) walk(ctx context.Context) error {
	return fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case len(t.files) > maxFiles || name == ".":
			return nil
		case d.IsDir():
			name += "/"
		}
		t.files = append(t.files, name)
		return nil
	})
}

// surveyGit makes a repository of ours beside the mirrors with the branches,
// tags and HEAD of the folder's, and lets git list the folder with that: what
// configuration the folder's own repository has plays no part.
func (s *Sources) surveyGit(ctx context.Context, t *tree, r Remote) error {
	tmp, err := os.MkdirTemp(s.Dir, "copy-")
	if err != nil {
		return err
	}
	closeRoot := t.close
	t.close = func() { closeRoot(); os.RemoveAll(tmp) }
	t.git = filepath.Join(tmp, ".git")
	in := func(args ...string) []string {
		return append([]string{"--git-dir=" + t.git, "--work-tree=" + r.Local}, args...)
	}

	listed, err := s.list(ctx, r, "HEAD")
	if err != nil {
		return err
	}
	steps := [][]string{{"init", "--quiet", "--template=", "--", tmp},
		append(append(in("fetch", "--quiet", "--no-write-fetch-head", "--no-recurse-submodules", "--update-head-ok", "--update-shallow", "--no-auto-maintenance"),
			r.fetchPack()...), "--", r.URL, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")}
	oid := listed.oid["HEAD"]
	switch {
	case oid == "": // no commit yet: HEAD's branch stands in its file only
		if head, err := t.root.ReadFile(".git/HEAD"); err == nil {
			if name, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/"); ok && ValidBranch(name) {
				steps = append(steps, in("symbolic-ref", "HEAD", "refs/heads/"+name))
			}
		}
	case listed.head != "":
		steps = append(steps, in("symbolic-ref", "HEAD", listed.head))
	default: // detached: HEAD may be on no branch
		steps[1] = append(steps[1], "+HEAD:refs/volundr/head")
		steps = append(steps, in("update-ref", "--no-deref", "HEAD", oid), in("update-ref", "-d", "refs/volundr/head"))
	}
	if oid != "" {
		steps = append(steps, in("read-tree", "HEAD"))
	}
	for _, args := range steps {
		if _, err := s.run(ctx, r, args...); err != nil {
			return err
		}
	}
	if exclude, err := t.root.ReadFile(".git/info/exclude"); err == nil {
		if err := os.MkdirAll(filepath.Join(t.git, "info"), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(t.git, "info", "exclude"), exclude, 0o600); err != nil {
			return err
		}
	}
	out, err := s.run(ctx, r, in("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")...)
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		if name != "" && name != ".git" && !strings.HasPrefix(name, ".git/") {
			t.files = append(t.files, name)
		}
	}
	return nil
}

// bound refuses what is too much to copy.
func (t *tree) bound(path string) error {
	var size int64
	for _, name := range t.files {
		if info, err := t.root.Lstat(strings.TrimSuffix(name, "/")); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
	}
	if size > maxBytes || len(t.files) > maxFiles {
		return &CheckError{"local_path", fmt.Sprintf("%s is too large to copy (more than %d GB or %d files): work in it live, or copy a part of it.",
			path, maxBytes>>30, maxFiles)}
	}
	return nil
}
