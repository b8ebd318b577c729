package launch

import (
	"fmt"
	"strings"

	"volundr/daemon/source"
)

// Layout says where the repositories of a session lie. The one of the source
// itself is the first.
func (s Source) Layout() []source.Checkout {
	return source.Layout(s.Type, s.LocalPath, source.Checkout{Folder: s.Folder, Repo: s.Repo, Branch: s.Branch, Base: s.BaseBranch}, s.Additional)
}

// Settle writes into a source where its repositories lie, so that it never
// changes for a session. What is given is not changed.
func (s Source) Settle() Source {
	s.Additional = append([]source.Additional(nil), s.Additional...)
	for i, c := range s.Layout() {
		if i == 0 {
			s.Folder = c.Folder
		} else {
			s.Additional[i-1].Folder = c.Folder
		}
	}
	return s
}

// loc is where a field of the i-th repository of the layout stands.
func (s Source) loc(i int, field string) []string {
	if i == 0 {
		return []string{"source", s.Type, field}
	}
	return []string{"source", s.Type, "additional_repos", fmt.Sprint(i - 1), field}
}

// Wrong is a FieldError for a field of the i-th repository of the layout.
func (s Source) Wrong(i int, field, msg string) error {
	c := source.Checkout{Folder: s.Folder, Repo: s.Repo, Branch: s.Branch, Base: s.BaseBranch}
	if i > 0 {
		m := s.Additional[i-1]
		c = source.Checkout{Folder: m.Folder, Repo: m.Repo, Branch: m.Branch, Base: m.BaseBranch}
	}
	given := map[string]string{"repo": c.Repo, "branch": c.Branch, "base_branch": c.Base, "folder": c.Folder}
	return wrong(given[field], "value_error", msg, s.loc(i, field)...)
}

// checkRepos says what is wrong with the repositories of a git source.
func checkRepos(s Source) error {
	switch {
	case len(s.Additional) > 0 && s.Repo == "":
		return s.Wrong(0, "repo", "Name the first repository: additional_repos are those beside it.")
	case len(s.Additional) > source.MaxAdditional:
		return wrong(len(s.Additional), "value_error", fmt.Sprintf("At most %d repositories can be added to the first.", source.MaxAdditional), "source", s.Type, "additional_repos")
	case len(s.Additional) == 0 && s.Folder != "":
		return s.Wrong(0, "folder", "A single repository is the workspace itself: leave the folder out.")
	case s.Repo == "":
		return nil
	}
	taken := map[string]bool{}
	for i := range len(s.Additional) + 1 {
		c := source.Additional{Repo: s.Repo, Branch: s.Branch, BaseBranch: s.BaseBranch, Folder: s.Folder}
		if i > 0 {
			c = s.Additional[i-1]
		}
		if _, err := source.Parse(c.Repo); err != nil {
			return s.Wrong(i, "repo", err.Error())
		}
		for field, name := range map[string]string{"branch": c.Branch, "base_branch": c.BaseBranch} {
			if name != "" && !source.ValidBranch(name) {
				return s.Wrong(i, field, fmt.Sprintf("%q is not a name that git takes for a branch.", name))
			}
		}
		switch folder := strings.ToLower(c.Folder); {
		case folder == "":
		case !source.ValidFolder(c.Folder):
			return s.Wrong(i, "folder", fmt.Sprintf("%q cannot be a folder of the workspace: use letters, digits, dots and dashes, as in web-app.", c.Folder))
		case taken[folder]:
			return s.Wrong(i, "folder", fmt.Sprintf("Two repositories cannot lie in one folder (%s): choose another.", c.Folder))
		default:
			taken[folder] = true
		}
	}
	return nil
}
