package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"volundr/daemon/source"
	"volundr/runtime"
)

// folder is a host folder as it appears in the session.
type folder struct {
	host     string // links followed
	at       string
	readOnly bool
	uid, gid int
}

// folders resolves the live folders of a request. None may belong to root if
// the session can write it; the first of those says as whom the session runs.
func (l *Launcher) folders(r Request) ([]folder, error) {
	src := r.Source
	if src.Type == source.LocalCopy {
		_, err := l.Source.Folders.Resolve(src.LocalPath)
		return nil, refused(err, src.LocalPath, src.Type, "local_path")
	}
	if src.Type != source.LocalMount {
		return nil, nil
	}
	var list []folder
	add := func(host, at string, readOnly bool, loc ...string) error {
		dir, err := l.Source.Folders.Resolve(host)
		if err != nil {
			return refused(err, host, append([]string{src.Type}, loc...)...)
		}
		info, err := os.Stat(dir)
		if err != nil {
			return refused(err, host, append([]string{src.Type}, loc...)...)
		}
		f := folder{host: dir, at: at, readOnly: readOnly}
		f.uid, f.gid = owner(info)
		if f.uid == 0 && !readOnly {
			return refused(unfit("%s belongs to root, and nothing in a session runs as root: give it to an ordinary user (`chown -R 1000:1000 %s`), or choose a copy of it.",
				host, strconv.Quote(dir)), host, append([]string{src.Type}, loc...)...)
		}
		list = append(list, f)
		return nil
	}
	if src.LocalPath != "" {
		if err := add(src.LocalPath, runtime.PathWorkspace, false, "local_path"); err != nil {
			return nil, err
		}
	}
	for i, m := range src.Paths {
		if err := add(m.HostPath, path.Clean(m.MountPath), m.ReadOnly, "paths", fmt.Sprint(i), "host_path"); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func unfit(format string, args ...any) error {
	return &source.CheckError{Field: "local_path", Msg: fmt.Sprintf(format, args...)}
}

func refused(err error, input string, loc ...string) error {
	if err == nil {
		return nil
	}
	return wrong(input, "value_error", err.Error(), append([]string{"source"}, loc...)...)
}

// storage: the volumes, and live folders of the host in place of or beside the
// workspace.
func (l *Launcher) storage(_ context.Context, b *build) error {
	list, err := l.folders(b.request)
	if err != nil {
		return err
	}
	uid, gid := userUID, userUID
	for _, f := range list {
		if !f.readOnly {
			uid, gid = f.uid, f.gid
			break
		}
	}
	workspace := runtime.Mount{Volume: runtime.VolumeWorkspace, Path: runtime.PathWorkspace, UID: uid, GID: gid}
	mounts := []runtime.Mount{{Volume: runtime.VolumeHome, Path: runtime.PathHome, UID: uid, GID: gid}}
	if b.request.Source.LocalPath == "" || b.request.Source.Type != source.LocalMount {
		mounts = append(mounts, workspace)
	}
	for _, f := range list {
		mounts = append(mounts, runtime.Mount{Host: f.host, Path: f.at, ReadOnly: f.readOnly})
		if f.readOnly || b.request.Source.WritableGit {
			continue
		}
		guards, err := b.guard(f)
		if err != nil {
			return refused(err, f.host, b.request.Source.Type)
		}
		mounts = append(mounts, guards...)
	}
	for _, p := range b.outer() {
		p.UID, p.GID, p.Mounts = uid, gid, append([]runtime.Mount(nil), mounts...)
	}
	b.part(runtime.PartBroker).Mounts = []runtime.Mount{{Volume: runtime.VolumeJournal, Path: runtime.PathJournal, UID: brokerUID, GID: brokerUID}}
	return nil
}

// guard mounts, over a live folder's repository, its hooks and its
// configuration read-only: the host's git runs what they name. The repository
// is mounted onto itself first, for what is a mount point cannot be renamed and
// replaced by another of the same name. An earlier session could have put links
// in their places, so none is followed.
func (b *build) guard(f folder) ([]runtime.Mount, error) {
	root, err := os.OpenRoot(f.host)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(".git")
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Mode()&os.ModeSymlink != 0 || !info.IsDir():
		return nil, unfit("%s is a worktree or a submodule, and its repository lies elsewhere: choose a copy of it, or the main folder of the repository.", f.host)
	}
	if err := root.Mkdir(".git/hooks", 0o755); err == nil {
		b.undo = append(b.undo, func() error { return unmake(f.host, ".git/hooks") })
		if err := root.Lchown(".git/hooks", f.uid, f.gid); err != nil && os.Geteuid() == 0 {
			return nil, err
		}
	} else if !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	mounts := []runtime.Mount{{Host: filepath.Join(f.host, ".git"), Path: path.Join(f.at, ".git")}}
	for _, g := range []struct {
		name string
		dir  bool
	}{{".git/hooks", true}, {".git/config", false}} {
		info, err := root.Lstat(g.name)
		if err != nil || info.IsDir() != g.dir || !g.dir && !info.Mode().IsRegular() {
			return nil, unfit("%s of %s is missing or is not what git makes it: repair the repository, or choose a copy of the folder.", g.name, f.host)
		}
		mounts = append(mounts, runtime.Mount{Host: filepath.Join(f.host, filepath.FromSlash(g.name)), Path: path.Join(f.at, g.name), ReadOnly: true})
	}
	return mounts, nil
}

// unmake removes an empty folder below another, and follows no link out of it.
func unmake(host, name string) error {
	root, err := os.OpenRoot(host)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.Remove(name)
}
