package pack

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http/httputil"
	"os"
	"strings"
	"syscall"

	"volundr/runtime/broker/wire"
)

// Where things lie in the agent's container, which the tests set to elsewhere.
type Places struct{ Workspace, Home string }

// Here gives the places of the container that this process runs in.
func Here() (Places, error) {
	home, err := os.UserHomeDir()
	return Places{Workspace: "/workspace", Home: home}, err
}

// Bounds of what is packed and unpacked.
var (
	WorkspaceLimits = Limits{Entries: 2_000_000, Bytes: 20 << 30}
	ContextLimits   = Limits{Entries: 10_000, Bytes: 2 << 30}
	VolumeLimits    = Limits{Entries: 20_000_000, Bytes: 1 << 40}
)

// Outcome is the last line that Main writes to its error output, as JSON.
type Outcome struct {
	Sum
	Error string `json:"error,omitempty"`
	// Kind says what sort of error it is: too_large, damaged, taken, full, none.
	Kind string `json:"kind,omitempty"`
}

// Kinds of errors in an Outcome.
var kinds = []struct {
	err  error
	kind string
}{
	{ErrTooLarge, "too_large"}, {ErrDamaged, "damaged"}, {ErrTaken, "taken"},
	{syscall.ENOSPC, "full"}, {syscall.EDQUOT, "full"}, {ErrNoContext, KindNone},
}

// KindNone is when there is nothing to pack.
const KindNone = "none"

// Outline makes an Outcome.
func Outline(s Sum, err error) Outcome {
	o := Outcome{Sum: s}
	if err == nil {
		return o
	}
	o.Error = strings.ToValidUTF8(err.Error()[:min(len(err.Error()), 1000)], "?")
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			o.Kind = k.kind
			break
		}
	}
	return o
}

// Err gives the error of an Outcome that was read.
func (o Outcome) Err() error {
	if o.Error == "" {
		return nil
	}
	for _, k := range kinds {
		if k.kind == o.Kind {
			return fmt.Errorf("%s%w", strings.TrimSuffix(o.Error, k.err.Error()), k.err)
		}
	}
	return errors.New(o.Error)
}

type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// Options of both directions.
type options struct {
	what    string
	include list
	resume  Resume
	digest  string
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("pack", flag.ContinueOnError)
	f.Var(&o.include, "include", "`path` to take though git ignores it")
	f.StringVar(&o.resume.Agent, "agent", "", "`kind` of the agent")
	f.StringVar(&o.resume.Session, "session", "", "its ACP session")
	f.StringVar(&o.digest, "digest", "", "of the pack that comes in")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() != 1 {
		return o, errors.New("say what to pack: workspace, context or volume-<name>")
	}
	o.what = f.Arg(0)
	return o, nil
}

// Main packs to out.
func Main(ctx context.Context, args []string, out, fail io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	at, err := Here()
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(out, 256<<10)
	sum, err := at.pack(ctx, buf, o)
	if err == nil {
		err = buf.Flush()
	}
	return json.NewEncoder(fail).Encode(Outline(sum, err))
}

func (at Places) pack(ctx context.Context, out io.Writer, o options) (Sum, error) {
	switch o.what {
	case wire.PackWorkspace:
		return Tree{Dir: at.Workspace, Git: true, Include: o.include, Without: []string{Staging}}.Write(ctx, out, WorkspaceLimits)
	case wire.PackContext:
		if o.resume.Session == "" {
			o.resume, _ = Resumed(at.Home)
		}
		names, err := Transcripts(at.Home, o.resume)
		if err != nil {
			return Sum{}, err
		}
		var files []Transcript
		for _, n := range names {
			files = append(files, Transcript{Path: n, From: at.Home + "/" + n, Length: -1})
		}
		return WriteContext(out, o.resume, files, ContextLimits)
	}
	dir, err := at.volume(o.what)
	if err != nil {
		return Sum{}, err
	}
	return Volume(dir).Write(ctx, out, VolumeLimits)
}

// Volume is the tree of a volume: all of it, or an error.
func Volume(dir string) Tree { return Tree{Dir: dir, Whole: true, Without: []string{"lost+found"}} }

func (at Places) volume(what string) (string, error) {
	switch what {
	case wire.PackVolume + "workspace":
		return at.Workspace, nil
	case wire.PackVolume + "home":
		return at.Home, nil
	}
	return "", fmt.Errorf("there is no %q to pack", what)
}

// MainUnpack unpacks what comes in, in HTTP's chunks: the stream has to say
// itself where it ends.
func MainUnpack(args []string, in io.Reader, fail io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	at, err := Here()
	if err != nil {
		return err
	}
	sum, err := at.unpack(httputil.NewChunkedReader(in), o)
	return json.NewEncoder(fail).Encode(Outline(sum, err))
}

func (at Places) unpack(in io.Reader, o options) (Sum, error) {
	if o.what == wire.PackWorkspace {
		return Place{at.Workspace}.Unpack(in, o.digest, WorkspaceLimits)
	}
	dir, err := at.volume(o.what)
	if err != nil {
		return Sum{}, err
	}
	return Place{dir}.Unpack(in, o.digest, VolumeLimits)
}
