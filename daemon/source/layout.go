package source

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"volundr/store"
)

// MaxAdditional bounds the repositories beside the first one.
const MaxAdditional = 20

// Additional is a repository of a session beside its first, as a launch request
// names it.
type Additional struct {
	Repo       string `json:"repo"`
	Branch     string `json:"branch,omitempty"`
	BaseBranch string `json:"base_branch,omitempty"`
	// Folder of the workspace that it lies in; empty: one named after it.
	Folder string `json:"folder,omitempty"`
}

// Checkout is a repository in a session's workspace.
type Checkout struct {
	// Folder below the workspace, a plain name; empty: it is the workspace itself.
	Folder string
	Repo   string
	Branch string
	Base   string
}

// Layout says where the repositories of a session lie, in the order of the
// request: first is that of a git source, folder that of a copy, whose origin it
// is. A single one is the workspace itself. Of several each lies in a folder, by
// the name that is given or its own; of two alike the later gets a number. Given
// names are as they are: ValidFolder says what is wrong with one.
func Layout(kind, folder string, first Checkout, more []Additional) []Checkout {
	if kind == LocalCopy { // work comes back as branches of the original
		first, more = Checkout{Repo: folder, Branch: first.Branch, Base: first.Base}, nil
	}
	if kind == LocalMount || first.Repo == "" {
		return nil
	}
	if len(more) == 0 {
		first.Folder = ""
		return []Checkout{first}
	}
	all := []Checkout{first}
	for _, m := range more {
		all = append(all, Checkout{Folder: m.Folder, Repo: m.Repo, Branch: m.Branch, Base: m.BaseBranch})
	}
	taken := map[string]bool{}
	for _, c := range all {
		taken[strings.ToLower(c.Folder)] = true
	}
	for i := range all {
		if all[i].Folder != "" {
			continue
		}
		name := FolderOf(all[i].Repo)
		all[i].Folder = name
		for n := 2; taken[strings.ToLower(all[i].Folder)]; n++ {
			all[i].Folder = fmt.Sprintf("%s-%d", name, n)
		}
		taken[strings.ToLower(all[i].Folder)] = true
	}
	return all
}

var (
	folderName = regexp.MustCompile(`^[\pL\pN_][\pL\pN._+@-]*$`)
	unplain    = regexp.MustCompile(`[^\pL\pN._+@-]+`)
)

// maxFolder is the length of a folder's name in bytes.
const maxFolder = 100

// ValidFolder reports whether name may be that of a folder of the workspace: one
// plain element of a path that is not hidden.
func ValidFolder(name string) bool {
	return folderName.MatchString(name) && len(name) <= maxFolder && !strings.HasSuffix(name, ".")
}

// FolderOf is the name of the folder that a repository gets where none is given:
// the last element of its address.
func FolderOf(repo string) string {
	if filepath.IsAbs(repo) {
		repo = filepath.ToSlash(repo)
	} else if _, after, scp := strings.Cut(repo, ":"); scp && !strings.Contains(repo, "://") {
		repo = after
	}
	name := strings.TrimSuffix(path.Base(strings.TrimRight(repo, "/")), ".git")
	name = strings.TrimLeft(unplain.ReplaceAllString(name, "-"), ".-+@")
	for len(name) > maxFolder-4 { // a number fits behind it
		name = strings.ToValidUTF8(name[:maxFolder-4], "")
	}
	if name = strings.TrimRight(name, ".-"); !ValidFolder(name) {
		return "repository"
	}
	return name
}

// layout of the workspace that a launch request says.
func (o origin) layout() []Checkout {
	return Layout(o.Type, o.LocalPath, Checkout{Folder: o.Folder, Repo: o.Repo, Branch: o.Branch, Base: o.BaseBranch}, o.Additional)
}

// Checkouts gives the repositories of a session in the order of its request;
// none when it has no remote.
func (s *Sources) Checkouts(ctx context.Context, session string) ([]Checkout, error) {
	o, err := s.origin(ctx, session)
	if err != nil {
		return nil, err
	}
	return o.layout(), nil
}

// at is the repository of a session in a folder; "": the first or only one.
func (o origin) at(folder string) (Checkout, error) {
	for _, c := range o.layout() {
		if folder == "" || c.Folder == folder {
			return c, nil
		}
	}
	return Checkout{}, store.ErrNotFound
}

// origin reads what the launch request of a session says.
func (s *Sources) origin(ctx context.Context, session string) (origin, error) {
	row, err := s.DB.SystemSession(ctx, session)
	if err != nil {
		return origin{}, err
	}
	var request struct {
		Source    origin   `json:"source"`
		Protected []string `json:"protected_branches"`
	}
	if err := json.Unmarshal(row.Request, &request); err != nil {
		return origin{}, fmt.Errorf("launch request of session %s: %w", session, err)
	}
	o := request.Source
	o.row, o.Protected = row, request.Protected
	return o, nil
}
