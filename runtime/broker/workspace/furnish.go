package workspace

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"volundr/runtime/broker/wire"
)

// Furnished is the file below the home that says what a session was furnished
// with: it happens once.
const Furnished = ".volundr/furnished"

// Furnish gives a fresh session what it needs before its agent: files of the
// user's machine, then setup scripts. One that fails is tried again at the next
// start, from the first script on. Its error is a sentence for people, a
// *SetupError where a script failed.
func Furnish(ctx context.Context, c wire.Config, at Places, say func(Report)) error {
	if len(c.Files) == 0 && len(c.Setup) == 0 {
		return nil
	}
	want, err := json.Marshal([][]string{c.Files, c.Setup})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(want)
	mark := filepath.Join(at.Home, filepath.FromSlash(Furnished))
	if was, err := os.ReadFile(mark); err == nil && string(was) == hex.EncodeToString(sum[:]) {
		return nil
	}
	if len(c.Files) > 0 {
		say(Report{Detail: "Copying files of your machine"})
		if err := at.copyFiles(ctx); err != nil {
			return fmt.Errorf("The files of the launch request could not be copied (%w). Mend that, then start it again.", err)
		}
	}
	if err := at.setup(ctx, c.Setup, say); err != nil {
		return err
	}
	err = os.MkdirAll(filepath.Dir(mark), 0o755)
	if err == nil {
		err = os.WriteFile(mark, []byte(hex.EncodeToString(sum[:])), 0o644)
	}
	if err != nil {
		return fmt.Errorf("The home folder cannot be written: %w. Check the disk and the owner of the volume.", err)
	}
	return nil
}

// copyFiles lays the files that the daemon gives into the workspace. What is
// there already stays.
func (p Places) copyFiles(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Files, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 2000))
		var said wire.Problem
		if json.Unmarshal(b, &said) == nil && said.Detail != "" {
			return errors.New(strings.TrimSuffix(said.Detail, "."))
		}
		return errors.New(strings.TrimSpace(string(b)))
	}
	root, err := os.OpenRoot(p.Workspace)
	if err != nil {
		return err
	}
	defer root.Close()
	for t := tar.NewReader(res.Body); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && h.Typeflag == tar.TypeReg {
			err = place(root, strings.TrimPrefix(path.Clean("/"+h.Name), "/"), h.FileInfo().Mode().Perm(), t)
		}
		if err != nil {
			return err
		}
	}
}

// place writes a file whole or not at all, unless something is there.
func place(root *os.Root, name string, mode os.FileMode, r io.Reader) error {
	if _, err := root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	part := name + ".volundr-part"
	if err := root.RemoveAll(part); err != nil { // of a start that was killed
		return err
	}
	if err := file(root, part, mode, r); err != nil {
		return err
	}
	return root.Rename(part, name)
}
