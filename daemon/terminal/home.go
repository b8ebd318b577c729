package terminal

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a terminal finds in its home: dot files, and which shell it begins with.
// They are the session's own files, reached by programs in it as its user.
const (
	// The home's, then a line of its own, then those that a home begins with.
	listHome = `find -L ~ -maxdepth 1 -type f -name '.?*' -printf '%s %f\0' 2>/dev/null
printf '\0'
find -L /etc/skel -maxdepth 1 -type f -name '.?*' -printf '0 %f\0' 2>/dev/null`

	// A link stays one, and what was there stays whole until the new is. Standard
	// input may have no end: its length is $2. 3: something else has the name.
	writeHome = `f=$(readlink -f ~/"$1") && { [ ! -e "$f" ] || [ -f "$f" ]; } || exit 3
t=$(mktemp "$f.XXXXXX") || exit 1
chmod 644 "$t"
[ ! -e "$f" ] || chmod --reference="$f" "$t"
if head -c "$2" > "$t" && [ "$(wc -c < "$t")" -eq "$2" ]; then mv -- "$t" "$f"; else rm -f -- "$t"; exit 1; fi`

	deleteHome = `[ -f ~/"$1" ] || [ -L ~/"$1" ] || exit 3; rm -f -- ~/"$1"`

	// Where tmux does not run, one of its own says what its files say.
	preferredShell = `tmux show-options -gv default-shell 2>/dev/null || tmux -L "asked-$$" start-server ';' show-options -gv default-shell`

	// For what runs, and for all that is begun later.
	preferShell = `p=$(command -v "$1") || exit 3
f=$(readlink -f ~/.tmux.conf) && t=$(mktemp "$f.XXXXXX") || exit 1
{ cat "$f" 2>/dev/null | grep -v '# chosen in Volundr$'; printf 'set -g default-shell %s # chosen in Volundr\n' "$p"; } > "$t" && mv -- "$t" "$f" || { rm -f -- "$t"; exit 1; }
tmux set-option -g default-shell "$p" 2>/dev/null || true`
)

// MaxDotfile bounds one, in bytes.
const MaxDotfile = 256 << 10

// usual are the dot files that are told of also where there are none.
var usual = []string{".bash_aliases", ".bashrc", ".gitconfig", ".inputrc", ".profile", ".tmux.conf", ".vimrc", ".zprofile", ".zshrc"}

// Dotfile is one in the home itself.
type Dotfile struct {
	Name    string
	Exists  bool
	Default bool  // homes begin with one of this name
	Size    int64 // bytes
}

// checkDotfile is nil for the name of a dot file in the home itself.
func checkDotfile(name string) error {
	if len(name) > 1 && len(name) <= 200 && name[0] == '.' && name != ".." && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '/' || !unicode.IsGraphic(r) }) {
		return nil
	}
	return told{fmt.Sprintf("%q is no name of a dot file: it begins with a dot, is of at most 200 bytes, and lies in the home itself, like .bashrc.", name), ErrName}
}

// Dotfiles gives those that are there, and the usual ones, by name.
func (t Terminals) Dotfiles(ctx context.Context) ([]Dotfile, error) {
	out, _, err := t.run(ctx, listHome, nil)
	return dotfiles(out), err
}

// dotfiles reads what listHome printed.
func dotfiles(out string) []Dotfile {
	all := map[string]Dotfile{}
	for _, name := range usual {
		all[name] = Dotfile{Name: name}
	}
	home := true
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		size, name, _ := strings.Cut(entry, " ")
		if entry == "" {
			home = false
			continue
		}
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil || checkDotfile(name) != nil {
			continue
		}
		f := all[name]
		f.Name = name
		if home {
			f.Exists, f.Size = true, n
		} else {
			f.Default = true
		}
		all[name] = f
	}
	return slices.SortedFunc(maps.Values(all), func(a, b Dotfile) int { return strings.Compare(a.Name, b.Name) })
}

// PutDotfile writes one. ErrName, ErrTooLarge, ErrFolder, ErrRefused; then what
// was there is as it was.
func (t Terminals) PutDotfile(ctx context.Context, name, content string) error {
	if err := checkDotfile(name); err != nil {
		return err
	}
	if len(content) > MaxDotfile {
		return told{fmt.Sprintf("A dot file has at most %d KiB, and nothing was written.", MaxDotfile>>10), ErrTooLarge}
	}
	_, exit, err := t.run(ctx, writeHome, strings.NewReader(content), name, strconv.Itoa(len(content)))
	return changed(name, exit, err, told{name + " is a folder in this home: choose another name.", ErrFolder})
}

// DeleteDotfile deletes one; of a link, the link alone. ErrName, ErrNotFound,
// ErrRefused.
func (t Terminals) DeleteDotfile(ctx context.Context, name string) error {
	if err := checkDotfile(name); err != nil {
		return err
	}
	_, exit, err := t.run(ctx, deleteHome, nil, name)
	return changed(name, exit, err, ErrNotFound)
}

// changed says what became of a dot file; three is an exit code of its own.
func changed(name string, exit int, err, three error) error {
	switch {
	case err != nil:
		return err
	case exit == 3:
		return three
	case exit != 0:
		return told{"The session could not change " + name + ": its disk may be full. What was there is as it was.", ErrRefused}
	}
	return nil
}

func isShell(name string) bool { return name == "bash" || name == "zsh" }

// Preferred is the shell that a terminal begins with: bash or zsh.
func (t Terminals) Preferred(ctx context.Context) (string, error) {
	out, exit, err := t.run(ctx, preferredShell, nil)
	if err != nil {
		return "", err
	}
	if name := path.Base(strings.TrimSpace(out)); exit == 0 && isShell(name) {
		return name, nil
	}
	return "bash", nil // somebody's own choice, by a file of theirs, is none of ours
}

// Prefer has terminals that are begun from now on begin with bash or zsh.
// ErrShell, ErrAbsent, ErrRefused.
func (t Terminals) Prefer(ctx context.Context, name string) error {
	if !isShell(name) {
		return told{"Invalid shell: " + name + ". Must be bash or zsh.", ErrShell}
	}
	_, exit, err := t.run(ctx, preferShell, nil, name)
	switch {
	case err != nil:
		return err
	case exit == 3:
		return told{"The image of this session has no " + name + ": choose another shell.", ErrAbsent}
	case exit != 0:
		return told{"The session could not keep the choice in ~/.tmux.conf: its disk may be full. Try again.", ErrRefused}
	}
	return nil
}
