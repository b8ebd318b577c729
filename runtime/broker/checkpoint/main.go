package checkpoint

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
)

// Answer is what Main writes: one of its fields.
type Answer struct {
	Checkpoint *wire.Checkpoint  `json:"checkpoint,omitempty"`
	List       []wire.Checkpoint `json:"list,omitempty"`
	Loss       *wire.Files       `json:"loss,omitempty"`
	Restored   *Restored         `json:"restored,omitempty"`
	Error      string            `json:"error,omitempty"`
	Unknown    bool              `json:"unknown,omitempty"` // the checkpoint is not there
}

// List tells of the checkpoints, oldest first.
func (at Places) List() ([]wire.Checkpoint, error) {
	heads, err := at.heads()
	list := make([]wire.Checkpoint, 0, len(heads))
	for _, h := range heads {
		list = append(list, h.Checkpoint)
	}
	return list[max(0, len(list)-keep):], err
}

type options struct {
	prompt  string
	talk    pack.Resume
	include []string
	args    []string
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("checkpoint", flag.ContinueOnError)
	f.StringVar(&o.prompt, "prompt", "", "`id` of the prompt that follows")
	f.StringVar(&o.talk.Agent, "agent", "", "`kind` of the agent")
	f.StringVar(&o.talk.Session, "session", "", "its ACP session")
	f.Func("include", "`path` to take though git ignores it", func(s string) error { o.include = append(o.include, s); return nil })
	err = f.Parse(args)
	o.args = f.Args()
	return o, err
}

// Main does one of: take, warm, list, loss ID, restore ID, pack ID WHAT. A pack
// goes to out and its outcome to fail; everything else answers on out.
func Main(ctx context.Context, args []string, out, fail io.Writer) error {
	if len(args) == 0 {
		return errors.New("say what to do with checkpoints")
	}
	at, err := Here()
	if err != nil {
		return err
	}
	o, err := parse(args[1:])
	if err != nil {
		return err
	}
	if args[0] == "pack" {
		if len(o.args) != 2 {
			return errors.New("say which checkpoint, and what of it")
		}
		buf := bufio.NewWriterSize(out, 256<<10)
		sum, err := at.Pack(ctx, buf, o.args[0], o.args[1], o.include)
		if err == nil {
			err = buf.Flush()
		}
		done := pack.Outline(sum, err)
		if errors.Is(err, ErrUnknown) {
			done.Kind = pack.KindNone
		}
		return json.NewEncoder(fail).Encode(done)
	}
	a, err := at.do(ctx, args[0], o)
	if err != nil {
		a.Error = strings.ToValidUTF8(err.Error()[:min(len(err.Error()), 1000)], "?")
		a.Unknown = errors.Is(err, ErrUnknown)
	}
	return json.NewEncoder(out).Encode(a)
}

func (at Places) do(ctx context.Context, verb string, o options) (a Answer, err error) {
	id := ""
	if len(o.args) > 0 {
		id = o.args[0]
	}
	switch verb {
	case "take":
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		c, err := at.Take(ctx, o.prompt, o.talk)
		a.Checkpoint = &c
		return a, err
	case "warm":
		ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
		defer cancel()
		return a, at.Warm(ctx)
	case "list":
		a.List, err = at.List()
		return a, err
	case "loss":
		l, err := at.Loss(ctx, id)
		a.Loss = &l
		return a, err
	case "restore":
		r, err := at.Restore(ctx, id, o.talk)
		a.Restored = &r
		return a, err
	}
	return a, fmt.Errorf("there is nothing to %q with checkpoints", verb)
}
