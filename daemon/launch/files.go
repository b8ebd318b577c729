package launch

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"volundr/daemon/source"
)

const (
	maxFiles   = 64
	maxScripts = 32
	maxScript  = 64 << 10
)

// given are the files that are copied into the workspace: none into a live
// folder, which has its own.
func given(r Request) []source.File {
	if r.Source.Type == source.LocalMount && r.Source.LocalPath != "" {
		return nil
	}
	return r.Files
}

func checkSetup(r Request) error {
	if len(r.Setup) > maxScripts {
		return wrong(len(r.Setup), "value_error", fmt.Sprintf("There can be at most %d setup scripts.", maxScripts), "setup_scripts")
	}
	for i, script := range r.Setup {
		bad := func(msg string) error {
			return wrong(nil, "value_error", msg, "setup_scripts", fmt.Sprint(i))
		}
		switch {
		case strings.TrimSpace(script) == "":
			return bad("A setup script cannot be empty.")
		case len(script) > maxScript || strings.ContainsRune(script, 0):
			return bad("A setup script has at most 64 KiB and no zero bytes.")
		}
	}
	return nil
}

func checkFiles(r Request) error {
	if len(r.Files) > maxFiles {
		return wrong(len(r.Files), "value_error", fmt.Sprintf("There can be at most %d files.", maxFiles), "files")
	}
	seen, layout := map[string]bool{}, r.Source.Layout()
	for i, f := range r.Files {
		bad := func(format string, args ...any) error {
			return wrong(f.From, "value_error", fmt.Sprintf(format, args...), "files", fmt.Sprint(i))
		}
		to := f.Target(layout)
		first, rest, _ := strings.Cut(to, "/")
		if len(layout) > 1 && to != "" && first != ".." { // below the folder of a repository
			if first, _, _ = strings.Cut(rest, "/"); rest == "" {
				to = "."
			}
		}
		switch {
		case f.From == "":
			return bad("A file needs its name.")
		case strings.ContainsRune(f.From+to, 0) || len(f.From)+len(to) > 4096:
			return bad("A file's name holds a zero byte or is too long.")
		case to == "":
			return bad("Say as what %s shall stand in the workspace: from: %s, to: NAME.", f.From, f.From)
		case path.IsAbs(to) || first == ".." || to == "." || strings.EqualFold(first, ".git"):
			return bad("%s is no place in the workspace: name one below it, outside of .git.", to)
		case seen[to]:
			return bad("Two files cannot stand in one place (%s).", to)
		}
		seen[to] = true
	}
	return nil
}

// files looks whether the files of the request are there and may be given.
func (l *Launcher) files(r Request) error {
	folder := source.LocalFolder(r.Source.Type, r.Source.Repo, r.Source.LocalPath)
	for i, f := range given(r) {
		file, err := l.Source.Folders.OpenFile(f.From, folder)
		var check *source.CheckError
		if errors.As(err, &check) {
			return wrong(f.From, "value_error", check.Msg, "files", fmt.Sprint(i))
		}
		if err != nil {
			return err
		}
		file.Close()
	}
	return nil
}
