package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// gitFolder is a commit in a repository of ours: its mirror, or one of that one
// commit, without its files.
type gitFolder struct {
	s      *Sources
	r      Remote
	dir    string
	commit string
	part   bool // the files are still at the remote
}

// look has a commit of a remote looked at. Where the mirror has it nothing is
// fetched; else only the commit's list of files, and not the whole history that
// the session's own clone will want. name is the ref and oid what it was at.
func (s *Sources) look(ctx context.Context, r Remote, name, oid string, at func(*gitFolder) error) error {
	if had, err := s.mirrored(ctx, r, oid, false, at); had || err != nil {
		return err
	}
	dir, err := os.MkdirTemp(s.Dir, "copy-") // swept when a killed daemon leaves it
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := s.run(ctx, r, "init", "--quiet", "--bare", "--template=", "--", dir); err != nil {
		return err
	}
	const ref = "refs/heads/look"
	t := &gitFolder{s: s, r: r, dir: dir, part: true}
	args := append([]string{"--git-dir=" + dir, "fetch", "--depth=1"}, r.fetchPart()...)
	var said *gitError
	switch _, err := s.run(ctx, r, append(args, "--", r.URL, "+"+name+":"+ref)...); {
	case errors.As(err, &said): // a server that gives no parts
		had, err := s.mirrored(ctx, r, oid, true, at)
		if err == nil && !had {
			err = said
		}
		return err
	case err != nil:
		return err
	}
	if err := t.alone(); err != nil {
		return err
	}
	got, err := s.run(ctx, r, "--git-dir="+dir, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
	if err != nil {
		return err
	}
	t.commit = strings.TrimSpace(got)
	return at(t)
}

// mirrored has a commit looked at in the mirror, if that has it: after a fetch,
// or as it is. A mirror in use, maybe for the minutes of its first fetch, is
// waited for only to fetch.
func (s *Sources) mirrored(ctx context.Context, r Remote, oid string, fetch bool, at func(*gitFolder) error) (had bool, err error) {
	lock := s.lock
	if !fetch {
		lock = s.lockFree
	}
	unlock, err := lock(ctx, r.place())
	if unlock == nil {
		return false, err
	}
	defer unlock()
	dir := s.mirror(r)
	if fetch {
		if err := s.refresh(ctx, r); err != nil {
			return false, err
		}
	} else if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil {
		return false, nil
	}
	if _, err := s.run(ctx, r, "--git-dir="+dir, "cat-file", "-e", oid+"^{tree}"); err != nil {
		return false, ctx.Err()
	}
	return true, at(&gitFolder{s: s, r: r, dir: dir, commit: oid})
}

// fetchPart are the options of a fetch that leaves files out.
func (r Remote) fetchPart() []string {
	options := []string{"--quiet", "--filter=blob:none", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"}
	if r.Local == "" {
		return options
	}
	return append(options, "--upload-pack=git -c core.hooksPath="+os.DevNull+" -c core.fsmonitor=false -c uploadpack.allowFilter=true"+
		" -c uploadpack.allowAnySHA1InWant=true upload-pack")
}

// alone keeps git from asking the remote for what is missing here.
func (t *gitFolder) alone() error {
	return os.WriteFile(filepath.Join(t.dir, "config"), []byte("[core]\n\trepositoryformatversion = 0\n\tbare = true\n"), 0o600)
}

// list gives one level of a tree. Of the root only what counts is asked for.
func (t *gitFolder) list(ctx context.Context, in entry) ([]entry, error) {
	args := []string{"--git-dir=" + t.dir, "ls-tree", "-z", "--full-tree"}
	if in.name == "" {
		args = append(args, t.commit, "--", DefinitionFolder)
	} else {
		args = append(args, in.oid)
	}
	var out bytes.Buffer
	cmd := t.s.command(ctx, t.r, args...)
	cmd.Stdout = &limited{w: &out, left: maxEntries * 400}
	if err := t.s.finish(ctx, cmd, t.r); err != nil {
		if out.Len() > 0 {
			return nil, tooMany(in.name)
		}
		return nil, err
	}
	var all []entry
	for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\x00"), "\x00") {
		meta, name, ok := strings.Cut(line, "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 3 {
			continue
		}
		if len(all) == maxEntries {
			return nil, tooMany(in.name)
		}
		kind := map[string]string{"100644": aFile, "100664": aFile, "100755": aFile, "040000": aFolder, "120000": "is a link", "160000": "is a repository of its own"}[fields[0]]
		if kind == "" {
			kind = "is no file"
		}
		all = append(all, entry{name, kind, fields[2]})
	}
	return all, nil
}

// read gives the files' contents, in one go.
func (t *gitFolder) read(ctx context.Context, _ string, files []entry) ([][]byte, error) {
	var ids strings.Builder
	for _, f := range files {
		fmt.Fprintln(&ids, f.oid)
	}
	if t.part {
		args := append([]string{"--git-dir=" + t.dir, "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--stdin"}, t.r.fetchPart()...)
		cmd := t.s.command(ctx, t.r, append(args, "--", t.r.URL)...)
		cmd.Stdin = strings.NewReader(ids.String())
		if err := t.s.finish(ctx, cmd, t.r); err != nil {
			return nil, err
		}
		if err := t.alone(); err != nil {
			return nil, err
		}
	}
	checks, err := t.cat(ctx, "--batch-check=%(objectname) %(objectsize)", ids.String(), 1<<20)
	if err != nil {
		return nil, err
	}
	sizes, wanted, total := map[string]int{}, "", 0
	for line := range strings.Lines(string(checks)) {
		oid, size, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(size)
		if err != nil {
			return nil, fmt.Errorf("git does not have the object %s", oid)
		}
		if _, twice := sizes[oid]; !twice && n <= MaxDefinitionFile {
			wanted, total = wanted+oid+"\n", total+n+len(oid)+100
		}
		sizes[oid] = n
	}
	out, err := t.cat(ctx, "--batch", wanted, int64(total))
	if err != nil {
		return nil, err
	}
	contents, from := map[string][]byte{}, bytes.NewBuffer(out)
	for from.Len() > 0 { // OID blob SIZE, and the content, each with a line's end
		head, err := from.ReadString('\n')
		oid, _, _ := strings.Cut(head, " ")
		body := make([]byte, sizes[oid]+1)
		if err == nil {
			_, err = io.ReadFull(from, body)
		}
		if err != nil {
			return nil, fmt.Errorf("git's answer was cut short: %w", err)
		}
		contents[oid] = body[:len(body)-1]
	}
	all := make([][]byte, len(files))
	for i, f := range files {
		all[i] = contents[f.oid]
	}
	return all, nil
}

// cat runs git cat-file in the repository, which by now has all that it will.
func (t *gitFolder) cat(ctx context.Context, how, ids string, most int64) ([]byte, error) {
	var out bytes.Buffer
	cmd := t.s.command(ctx, t.r, "--git-dir="+t.dir, "cat-file", how)
	cmd.Stdin, cmd.Stdout = strings.NewReader(ids), &limited{w: &out, left: most}
	err := t.s.finish(ctx, cmd, t.r)
	return out.Bytes(), err
}
