package source

import (
	"bufio"
	"strconv"
	"strings"
)

const (
	maxCommands = 64 << 10 // bytes of a push's beginning that are looked at
	maxTold     = 500      // bytes of refs that are told of
)

// pushed are the refs that a push to receive-pack begins with, for people, and
// what becomes of each. Nothing is taken from the reader. What the session says
// here is checked by the hook only; what is no command is left out.
func pushed(r *bufio.Reader) string {
	var told []string
	for at := 0; ; {
		head, err := r.Peek(at + 4)
		if err != nil {
			break
		}
		n, err := strconv.ParseUint(string(head[at:]), 16, 16)
		if err != nil || n < 4 { // a flush ends the commands
			break
		}
		line, err := r.Peek(at + int(n))
		if err != nil {
			break
		}
		if one := command(string(line[at+4:])); one != "" {
			told = append(told, one)
		}
		at += int(n)
	}
	all := strings.ToValidUTF8(strings.Join(told, ", "), "?")
	if len(all) > maxTold {
		all = strings.ToValidUTF8(all[:maxTold], "") + "…"
	}
	return all
}

// command is one line OLD NEW REF for people; empty: it is none.
func command(line string) string {
	line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "\x00")
	words := strings.Split(line, " ")
	if len(words) != 3 || len(words[0]) < 40 || len(words[1]) < 40 {
		return ""
	}
	if strings.Trim(words[1], "0") == "" {
		return "delete " + words[2]
	}
	return words[2] + " " + words[1][:12]
}
