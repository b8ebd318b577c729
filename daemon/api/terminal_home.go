package api

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"volundr/runtime"
)

// What a terminal finds in its home: dot files, and which shell it begins with.
// They are the session's own files, reached by programs in it as its user.
const (
	// The home's, then a line of its own, then those that a home begins with.
	listDotfiles = `find -L ~ -maxdepth 1 -type f -name '.?*' -printf '%s %f\0' 2>/dev/null
printf '\0'
find -L /etc/skel -maxdepth 1 -type f -name '.?*' -printf '0 %f\0' 2>/dev/null`

	// A link stays one, and what was there stays whole until the new is. Standard
	// input may have no end: its length is $2. 3: something else has the name.
	putDotfile = `f=$(readlink -f ~/"$1") && { [ ! -e "$f" ] || [ -f "$f" ]; } || exit 3
t=$(mktemp "$f.XXXXXX") || exit 1
chmod 644 "$t"
[ ! -e "$f" ] || chmod --reference="$f" "$t"
if head -c "$2" > "$t" && [ "$(wc -c < "$t")" -eq "$2" ]; then mv -- "$t" "$f"; else rm -f -- "$t"; exit 1; fi`

	deleteDotfile = `[ -f ~/"$1" ] || [ -L ~/"$1" ] || exit 3; rm -f -- ~/"$1"`

	// Where tmux does not run, one of its own says what its files say.
	preferredShell = `tmux show-options -gv default-shell 2>/dev/null || tmux -L "asked-$$" start-server ';' show-options -gv default-shell`

	// For what runs, and for all that is begun later.
	preferShell = `p=$(command -v "$1") || exit 3
f=$(readlink -f ~/.tmux.conf) && t=$(mktemp "$f.XXXXXX") || exit 1
{ cat "$f" 2>/dev/null | grep -v '# chosen in Volundr$'; printf 'set -g default-shell %s # chosen in Volundr\n' "$p"; } > "$t" && mv -- "$t" "$f" || { rm -f -- "$t"; exit 1; }
tmux set-option -g default-shell "$p" 2>/dev/null || true`
)

// maxDotfile bounds one.
const maxDotfile = 256 << 10

// usual are the dot files that are told of also where there are none.
var usual = []string{".bash_aliases", ".bashrc", ".gitconfig", ".inputrc", ".profile", ".tmux.conf", ".vimrc", ".zprofile", ".zshrc"}

type dotfile struct {
	Name       string `json:"name"`
	Exists     bool   `json:"exists"`
	HasDefault bool   `json:"hasDefault"`
	Size       int64  `json:"size,omitempty"`
}

type dotfileList struct {
	Dotfiles []dotfile `json:"dotfiles"`
	HomeDir  string    `json:"homeDir"`
}

type dotfileIn struct {
	Filename string `json:"filename"`
	Content  string `json:"content"`
}

type dotfileDone struct {
	OK       bool   `json:"ok"`
	Filename string `json:"filename"`
}

type terminalPreferences struct {
	DefaultShell string `json:"default_shell"`
}

// isDotfile reports whether a name is one of a dot file in the home itself.
func isDotfile(name string) bool {
	return len(name) > 1 && len(name) <= 200 && name[0] == '.' && name != ".." && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '/' || !unicode.IsGraphic(r) })
}

func noDotfile(name string) error {
	return fail(http.StatusBadRequest, "%q is no name of a dot file: it begins with a dot, is of at most 200 bytes, and lies in the home itself, like .bashrc.", name)
}

func (s *server) listDotfiles(c echo.Context) error {
	t, done, err := s.terminal(c)
	if err != nil {
		return err
	}
	defer done()
	out, _, err := t.run(c.Request().Context(), listDotfiles, nil)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, dotfileList{Dotfiles: dotfilesIn(out), HomeDir: runtime.PathHome})
}

// dotfilesIn reads what listDotfiles printed: the session's word.
func dotfilesIn(out string) []dotfile {
	all := map[string]dotfile{}
	for _, name := range usual {
		all[name] = dotfile{Name: name}
	}
	home := true
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		size, name, _ := strings.Cut(entry, " ")
		if entry == "" {
			home = false
			continue
		}
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil || !isDotfile(name) {
			continue
		}
		f := all[name]
		f.Name = name
		if home {
			f.Exists, f.Size = true, n
		} else {
			f.HasDefault = true
		}
		all[name] = f
	}
	list := make([]dotfile, 0, len(all))
	for _, f := range all {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b dotfile) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (s *server) putDotfile(c echo.Context) error {
	t, done, err := s.terminal(c)
	if err != nil {
		return err
	}
	defer done()
	var in dotfileIn
	if err := decode(c, &in); err != nil {
		return err
	}
	switch {
	case in.Filename == "":
		return fail(http.StatusBadRequest, "filename is required")
	case !isDotfile(in.Filename):
		return noDotfile(in.Filename)
	case len(in.Content) > maxDotfile:
		return fail(http.StatusRequestEntityTooLarge, "A dot file has at most %d KiB, and nothing was written.", maxDotfile>>10)
	}
	_, exit, err := t.run(c.Request().Context(), putDotfile, strings.NewReader(in.Content), in.Filename, strconv.Itoa(len(in.Content)))
	return dotfileAnswer(c, in.Filename, exit, err, fail(http.StatusConflict, "%s is a folder in this home: choose another name.", in.Filename))
}

func (s *server) deleteDotfile(c echo.Context) error {
	t, done, err := s.terminal(c)
	if err != nil {
		return err
	}
	defer done()
	name := lastOf(c)
	if !isDotfile(name) {
		return noDotfile(name)
	}
	_, exit, err := t.run(c.Request().Context(), deleteDotfile, nil, name)
	return dotfileAnswer(c, name, exit, err, fail(http.StatusNotFound, "not found"))
}

// dotfileAnswer says what became of one; three is an exit code of its own.
func dotfileAnswer(c echo.Context, name string, exit int, err, three error) error {
	switch {
	case err != nil:
		return err
	case exit == 3:
		return three
	case exit != 0:
		return fail(http.StatusBadGateway, "The session could not change %s: its disk may be full. What was there is as it was.", name)
	}
	return c.JSON(http.StatusOK, dotfileDone{OK: true, Filename: name})
}

func isShell(name string) bool { return name == "bash" || name == "zsh" }

// preferred is the shell that a terminal begins with.
func (t terminal) preferred(ctx context.Context) (string, error) {
	out, exit, err := t.run(ctx, preferredShell, nil)
	if err != nil {
		return "", err
	}
	if name := path.Base(strings.TrimSpace(out)); exit == 0 && isShell(name) {
		return name, nil
	}
	return "bash", nil // somebody's own choice, by a file of theirs, is none of ours
}

func (s *server) terminalPreferences(c echo.Context) error {
	t, done, err := s.terminal(c)
	if err != nil {
		return err
	}
	defer done()
	name, err := t.preferred(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, terminalPreferences{DefaultShell: name})
}

func (s *server) setTerminalPreferences(c echo.Context) error {
	t, done, err := s.terminal(c)
	if err != nil {
		return err
	}
	defer done()
	var in terminalPreferences
	if err := decode(c, &in); err != nil {
		return err
	}
	if !isShell(in.DefaultShell) {
		return fail(http.StatusBadRequest, "Invalid shell: %s. Must be bash or zsh.", in.DefaultShell)
	}
	_, exit, err := t.run(c.Request().Context(), preferShell, nil, in.DefaultShell)
	switch {
	case err != nil:
		return err
	case exit == 3:
		return fail(http.StatusConflict, "The image of this session has no %s: choose another shell.", in.DefaultShell)
	case exit != 0:
		return fail(http.StatusBadGateway, "The session could not keep the choice in ~/.tmux.conf: its disk may be full. Try again.")
	}
	return c.JSON(http.StatusOK, terminalPreferences{DefaultShell: in.DefaultShell})
}
