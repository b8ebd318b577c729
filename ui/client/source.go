package client

import "encoding/json"

// Kinds of workspace sources.
const (
	SourceGit   = "git"         // empty Repo: an empty workspace
	SourceMount = "local_mount" // a folder, live
	SourceCopy  = "local_copy"  // ours: a folder with its uncommitted work, copied once
)

// Source says where a workspace comes from: a union tagged by Type. Only the
// fields of its kind are written, and all of them.
type Source struct {
	Type string `json:"type"`

	Repo       string `json:"repo"` // git
	Branch     string `json:"branch"`
	BaseBranch string `json:"base_branch"`
	// AdditionalRepos are those beside it; ours. Then each lies in a folder of the
	// workspace, Folder being that of the first one; empty: named after it.
	AdditionalRepos []AdditionalRepo `json:"additional_repos,omitempty"`
	Folder          string           `json:"folder,omitempty"`

	LocalPath    string            `json:"local_path"` // local_mount, local_copy
	Paths        []MountMapping    `json:"paths"`
	NodeSelector map[string]string `json:"node_selector"`
	WritableGit  bool              `json:"writable_git"` // ours
}

// AdditionalRepo is a repository of a session beside its first.
type AdditionalRepo struct {
	Repo       string `json:"repo"`
	Branch     string `json:"branch,omitempty"`
	BaseBranch string `json:"base_branch,omitempty"`
	Folder     string `json:"folder,omitempty"` // of the workspace; empty: named after the repository
}

// ParseRepository reads a repository from its JSON.
func ParseRepository(text string) (AdditionalRepo, error) {
	return written[AdditionalRepo](text, "a repository")
}

// MountMapping puts a host folder into the session.
type MountMapping struct {
	HostPath  string `json:"host_path"`
	MountPath string `json:"mount_path"`
	ReadOnly  bool   `json:"read_only"` // absent: true
}

// UnmarshalJSON fills the contract's default for read_only.
func (m *MountMapping) UnmarshalJSON(b []byte) error {
	type plain MountMapping
	p := plain{ReadOnly: true}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*m = MountMapping(p)
	return nil
}

// MarshalJSON writes the fields of the source's kind.
func (s Source) MarshalJSON() ([]byte, error) {
	switch s.Type {
	case SourceMount:
		paths, selector := s.Paths, s.NodeSelector
		if paths == nil {
			paths = []MountMapping{}
		}
		if selector == nil {
			selector = map[string]string{}
		}
		return json.Marshal(struct {
			Type         string            `json:"type"`
			LocalPath    string            `json:"local_path"`
			Paths        []MountMapping    `json:"paths"`
			NodeSelector map[string]string `json:"node_selector"`
			WritableGit  bool              `json:"writable_git,omitempty"`
		}{s.Type, s.LocalPath, paths, selector, s.WritableGit})
	case SourceCopy:
		return json.Marshal(struct {
			Type      string `json:"type"`
			LocalPath string `json:"local_path"`
		}{s.Type, s.LocalPath})
	default:
		return json.Marshal(struct {
			Type            string           `json:"type"`
			Repo            string           `json:"repo"`
			Branch          string           `json:"branch"`
			BaseBranch      string           `json:"base_branch"`
			AdditionalRepos []AdditionalRepo `json:"additional_repos,omitempty"`
			Folder          string           `json:"folder,omitempty"`
		}{s.Type, s.Repo, s.Branch, s.BaseBranch, s.AdditionalRepos, s.Folder})
	}
}
