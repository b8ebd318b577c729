// Package checkpoint records what a workspace and a conversation are before
// each prompt, and puts them back. It runs beside the agent, as its user; what
// it records lies in the home volume, outside of the workspace, and no git
// command is run but the one that says what is ignored.
//
// A checkpoint is a list of files, folders and links with modes and times, .git
// among them, and names contents by their hash. A content is kept once: small
// ones together in a file for each checkpoint that brought them, larger ones
// each in a file. That holds what git would lose: empty folders, line ends,
// nested repositories, the index, a rebase half done.
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
)

// Bounds of what is kept.
const (
	keep    = 200     // checkpoints
	budget  = 4 << 30 // bytes of contents
	lowDisk = 512 << 20
	// A file that is larger is named only: it is neither recorded nor touched.
	largest = 64 << 20
)

// ErrUnknown is a checkpoint that is not there, or not any more.
var ErrUnknown = errors.New("there is no such checkpoint any more")

// Places of a session, and where its checkpoints lie.
type Places struct {
	pack.Places
	Store string
}

// Here gives the places of the container that this process runs in.
func Here() (Places, error) {
	at, err := pack.Here()
	return Places{at, filepath.Join(at.Home, ".volundr", "checkpoints")}, err
}

// head is a checkpoint without its list of files.
type head struct {
	wire.Checkpoint
	At     int64       `json:"at"`             // unix ns, when it was begun
	Base   string      `json:"base,omitempty"` // whose list this one's is told against
	Resume pack.Resume `json:"resume"`         // the conversation
	Talk   []position  `json:"talk,omitempty"` // how far its files went
}

// position is how far a transcript went.
type position struct {
	Path   string `json:"path"` // below the home
	Length int64  `json:"length"`
	Copy   string `json:"copy,omitempty"` // file of the store that holds it, when the live one does not any more
}

var goodID = regexp.MustCompile(`^[0-9]{19}$`)

func (at Places) file(name string) string { return filepath.Join(at.Store, name) }

// heads lists the checkpoints, oldest first.
func (at Places) heads() ([]head, error) {
	list, err := os.ReadDir(at.Store)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []head
	for _, e := range list {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !goodID.MatchString(id) {
			continue
		}
		if h, err := at.head(id); err == nil {
			all = append(all, h)
		}
	}
	return all, nil // ReadDir sorts, and ids do by time
}

func (at Places) head(id string) (h head, err error) {
	if !goodID.MatchString(id) {
		return h, ErrUnknown
	}
	b, err := os.ReadFile(at.file(id + ".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return h, ErrUnknown
	}
	if err == nil {
		err = json.Unmarshal(b, &h)
	}
	return h, err
}

func (at Places) saveHead(h head) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return at.save(h.ID+".json", b)
}

// save puts a whole file into the store: after a power cut it is there as a
// whole or not at all.
func (at Places) save(name string, b []byte) error {
	f, err := os.CreateTemp(at.Store, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), at.file(name)); err != nil {
		return err
	}
	dir, err := os.Open(at.Store)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// room says whether the disk has space for another checkpoint.
func (at Places) room() error {
	var st unix.Statfs_t
	if err := unix.Statfs(at.Store, &st); err != nil {
		return err
	}
	if free := int64(st.Bavail) * st.Bsize; free < lowDisk {
		return fmt.Errorf("only %d MiB are free on the disk", free>>20)
	}
	return nil
}

// prune drops the oldest checkpoints, and what no other needs.
func (at Places) prune() error {
	heads, err := at.heads()
	if err != nil {
		return err
	}
	from := max(0, len(heads)-keep)
	for ; ; from = min(from+max(1, (len(heads)-from)/4), len(heads)-1) {
		size, err := at.sweep(heads[from:])
		if err != nil || size <= budget || from >= len(heads)-1 {
			return err
		}
	}
}

// sweep removes what these checkpoints do not need and gives the size of the
// contents that stay.
func (at Places) sweep(heads []head) (size int64, err error) {
	needed := map[string]bool{cacheFile: true, intentFile: true}
	bases := map[string]bool{}
	for _, h := range heads {
		needed[h.ID+".json"], needed[h.ID+".tree"] = true, true
		bases[h.Base] = true
		for _, p := range h.Talk {
			needed[p.Copy] = true
		}
	}
	delete(bases, "")
	for id := range bases {
		needed[id+".tree"] = true
	}
	list, err := os.ReadDir(at.Store)
	if err != nil {
		return 0, err
	}
	// Lists are long: contents are looked after when something was dropped, and
	// now and then for what a kill left.
	look := len(heads)%50 == 0 || slices.ContainsFunc(list, func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), ".json") && !needed[e.Name()]
	})
	if look {
		if err := at.contents(needed); err != nil {
			return 0, err
		}
	}
	for _, e := range list {
		data := strings.HasSuffix(e.Name(), dataSuffix)
		if needed[e.Name()] || (data && !look) || strings.HasPrefix(e.Name(), ".new-") {
			if info, err := e.Info(); data && err == nil {
				size += info.Size()
			}
			continue
		}
		if err := os.Remove(at.file(e.Name())); err != nil {
			return 0, err
		}
	}
	return size, nil
}

// contents marks the files that hold what the needed lists name.
func (at Places) contents(needed map[string]bool) error {
	var files []string
	for name := range needed {
		id, ok := strings.CutSuffix(name, ".tree")
		if !ok {
			continue
		}
		l, err := at.tree(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, i := range l.Items {
			files = append(files, i.Content.File)
		}
		slices.Sort(files)
		files = slices.Compact(files)
	}
	for _, f := range files {
		needed[f] = true
	}
	return nil
}
