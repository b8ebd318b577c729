package watch

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// open takes up what was told before, or begins with what is there.
func (w *Watcher) open(ctx context.Context) error {
	b, err := os.ReadFile(filepath.Join(w.folder, "kept.json"))
	known := err == nil && json.Unmarshal(b, &w.kept) == nil
	if !known {
		w.kept = kept{}
		commands(w.box, &w.kept.Commands, time.Now())
		w.keep()
	}
	root, err := w.openScope(ctx, "", false)
	if err != nil {
		return err
	}
	w.since = root.mem.told.At
	w.scopes[""] = root
	w.sync(ctx, known)
	w.sweep()
	w.look(ctx, true)
	return nil
}

// sync finds the repositories in the workspace and has their folders watched.
// A repository that was not known is new, unless this is the beginning.
func (w *Watcher) sync(ctx context.Context, fresh bool) {
	wanted, there, half := map[string]bool{}, map[string]bool{"": true}, false
	for queue := []*scope{w.scopes[""]}; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		if err := s.lean(ctx); err != nil {
			w.o.Log.Warn("Repository could not be followed", "folder", s.rel, "error", err)
		}
		f, err := s.walk(ctx, w.notify, []string{s.dir})
		maps.Copy(wanted, f.folders)
		half = half || f.half
		if errors.Is(err, errLimit) && !w.limited {
			w.limit()
		}
		for _, dir := range f.repos {
			in := w.enter(ctx, s, dir, fresh)
			if in != nil && !there[in.rel] {
				there[in.rel] = true
				queue = append(queue, in)
			}
		}
	}
	for rel, s := range w.scopes {
		if !there[rel] && !s.gone() {
			w.leave(s)
		}
	}
	if w.notify != nil {
		w.notify.keep(forWork, wanted)
	}
	w.expect(half)
	w.watchLogs()
}

// expect has it looked again soon when a repository is not whole yet.
func (w *Watcher) expect(half bool) {
	switch {
	case !half:
		w.half = 0
	case w.half < maxHalf:
		w.half++
	}
}

const maxHalf = 10 // then it is none

// maxScopes is how many repositories of a workspace are looked at.
const maxScopes = 64

// enter takes up the repository in a folder of another scope.
func (w *Watcher) enter(ctx context.Context, outer *scope, dir string, fresh bool) *scope {
	rel, err := filepath.Rel(w.o.Workspace, dir)
	if err != nil || len(w.scopes) >= maxScopes {
		return nil
	}
	if s := w.scopes[rel]; s != nil {
		return s
	}
	// What the outer one told of before is not told again.
	within, _ := filepath.Rel(outer.dir, dir)
	out, err := outer.mem.git.run(ctx, nil, "ls-files", "-z", "--", within+"/")
	if err != nil {
		return nil
	}
	mine, before := fields(out), ""
	if len(mine) > 0 {
		out, _ := outer.mem.git.run(ctx, nil, "rev-parse", "--verify", "--quiet", outer.mem.told.Tree+":"+within)
		before = strings.TrimSpace(string(out))
		if err := outer.mem.forget(ctx, mine); err != nil {
			return nil
		}
		outer.mem.save(time.Now().Unix())
	}
	s, err := w.openScope(ctx, rel, fresh)
	if err == nil && fresh && objectName(before) && outer.mem.told.Format == s.mem.told.Format {
		s.mem.told.Tree, s.mem.told.Outer = before, append(outer.mem.told.Outer, outer.mem.told.Common, filepath.Join(outer.mem.path, "git"))
		s.mem.lean()
	}
	if err != nil {
		w.o.Log.Warn("Repository could not be looked at", "folder", rel, "error", err)
		return nil
	}
	w.scopes[rel] = s
	return s
}

// leave forgets a scope and what was told of it.
func (w *Watcher) leave(s *scope) {
	delete(w.scopes, s.rel)
	os.RemoveAll(s.mem.path)
}

// sweep removes memories of what is not there any more.
func (w *Watcher) sweep() {
	all := filepath.Join(w.folder, "trees")
	list, _ := os.ReadDir(all)
	for _, e := range list {
		path := filepath.Join(all, e.Name())
		mine := false
		for _, s := range w.scopes {
			mine = mine || s.mem.path == path
		}
		if !mine {
			os.RemoveAll(path)
		}
	}
}

// watchLogs has the reflogs of all repositories watched, and what shells write.
func (w *Watcher) watchLogs() {
	if w.notify == nil {
		return
	}
	logs, git := map[string]bool{}, map[string]bool{}
	for _, s := range w.scopes {
		if s.repo == nil {
			continue
		}
		git[s.repo.dir] = true
		_, folders := s.repo.logs()
		for _, f := range folders {
			logs[f] = true
		}
	}
	var err error
	for dir := range git {
		err = errors.Join(err, w.notify.watch(dir, forGit))
	}
	for dir := range logs {
		err = errors.Join(err, w.notify.watch(dir, forLogs))
	}
	err = errors.Join(err, w.notify.watch(w.box, forCommands))
	if errors.Is(err, errLimit) {
		w.limit()
		return
	}
	w.notify.keep(forLogs, logs)
	w.notify.keep(forGit, git)
}

// look finds what happened and tells it. everything: not only where the kernel
// says so.
func (w *Watcher) look(ctx context.Context, everything bool) {
	began := time.Now()
	w.timer.Stop()
	w.pending = time.Time{}
	now := seen{all: true, logs: true, commands: true}
	if w.notify != nil {
		now = w.notify.take()
	}
	if everything {
		now.all, now.logs, now.commands = true, true, true
	}
	w.place(ctx, now)
	failed := false
	for _, rel := range slices.Sorted(maps.Keys(w.scopes)) {
		failed = !w.lookAt(ctx, w.scopes[rel], now.logs || now.all) || failed
	}
	if now.commands {
		w.lookAtCommands()
	}
	if now.logs {
		w.watchLogs()
	}
	w.ended, w.took = time.Now(), time.Since(began)
	switch w.failed++; {
	case failed:
		w.timer.Reset(time.Duration(min(w.failed, 60)) * time.Second)
	case w.half > 0 && w.half < maxHalf:
		w.timer.Reset(time.Second / 2)
	}
	if !failed {
		w.failed = 0
	}
}

// place gives each scope what changed in it, and finds new folders and
// repositories.
func (w *Watcher) place(ctx context.Context, now seen) {
	anew := now.all
	fresh := map[*scope][]string{}
	for path, appeared := range now.paths {
		s, rel := w.owner(path)
		if s == nil {
			continue
		}
		switch filepath.Base(path) {
		case ".git":
			anew = true
			continue
		case ".gitignore":
			anew, s.all = true, true
			w.unignore(ctx, s)
		}
		s.paths = append(s.paths, rel)
		if st, err := os.Lstat(path); appeared && err == nil && st.IsDir() {
			fresh[s] = append(fresh[s], path)
		}
	}
	if now.all {
		for _, s := range w.scopes {
			s.all = true
		}
	}
	if anew || w.half > 0 && w.half < maxHalf {
		w.sync(ctx, true)
		return
	}
	for s, dirs := range fresh {
		f, err := s.walk(ctx, w.notify, dirs)
		if errors.Is(err, errLimit) && !w.limited {
			w.limit()
		}
		if len(f.repos) > 0 || f.half {
			w.sync(ctx, true)
			return
		}
	}
}

// owner finds the innermost scope that a path lies in.
func (w *Watcher) owner(path string) (s *scope, rel string) {
	in, err := filepath.Rel(w.o.Workspace, path)
	if err != nil || in == "." || strings.HasPrefix(in, "../") {
		return nil, ""
	}
	for _, c := range w.scopes {
		if within, ok := c.holds(in); ok && (s == nil || len(c.rel) > len(s.rel)) {
			s, rel = c, within
		}
	}
	return s, rel
}

// unignore drops, without a word, what was told of and is ignored now.
func (w *Watcher) unignore(ctx context.Context, s *scope) {
	out, err := s.mem.git.run(ctx, nil, "ls-files", "-z", "-c", "-i", "--exclude-standard")
	hidden := fields(out)
	if err != nil || len(hidden) == 0 {
		return
	}
	if s.repo != nil { // but what the repository tracks all the same
		g := git{dir: s.dir, home: w.o.Home, env: []string{"GIT_DIR=" + s.repo.dir, "GIT_WORK_TREE=" + s.dir}}
		out, err := g.run(ctx, nil, "ls-files", "-z", "-c", "-i", "--exclude-standard")
		if err != nil {
			return
		}
		tracked := map[string]bool{}
		for _, p := range fields(out) {
			tracked[p] = true
		}
		hidden = slices.DeleteFunc(hidden, func(p string) bool { return tracked[p] })
	}
	if err := s.mem.forget(ctx, hidden); err == nil {
		s.mem.save(time.Now().Unix())
	}
}

// lookAt tells what happened in one scope; false: it has to be tried again.
func (w *Watcher) lookAt(ctx context.Context, s *scope, logs bool) bool {
	changes, events, quiet, err := s.look(ctx, logs)
	if err != nil {
		if ctx.Err() != nil {
			return true
		}
		w.o.Log.Warn("Changes could not be found", "folder", s.rel, "error", err)
		s.all = true
		if w.failed == 2 { // the memory is of no use any more
			if err := s.renew(ctx); err != nil {
				w.o.Log.Warn("Watching could not begin anew", "folder", s.rel, "error", err)
			}
		}
		return false
	}
	w.tell(changes)
	for i := range events {
		w.say(Event{Git: &events[i]})
	}
	if w.notify != nil && len(quiet) > 0 {
		for i, p := range quiet {
			quiet[i] = filepath.Join(s.dir, p)
		}
		w.notify.ignore(quiet)
	}
	if s.rel != "" && s.gone() {
		w.leave(s)
	} else if s.mem.told.Stored-s.mem.told.Base > maxStored/2 {
		if err := s.renew(ctx); err != nil {
			w.o.Log.Warn("Watching could not begin anew", "folder", s.rel, "error", err)
		}
	}
	return true
}

func (w *Watcher) lookAtCommands() {
	before := w.kept.Commands
	list := commands(w.box, &w.kept.Commands, time.Now())
	if w.kept.Commands != before {
		w.keep()
	}
	for i := range list {
		w.say(Event{Command: &list[i]})
	}
}
