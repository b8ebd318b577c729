package sandbox

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/google/uuid"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// oneShot owns the sandboxes of one-shot runs, so that nobody sees them and a
// daemon finds those that another one left.
var oneShot = store.Principal{UserID: "execute", TenantID: "volundr:execute"}

// grace is how much longer than its program the sandbox of a one-shot run may
// live: for staging and for its files.
const grace = 2 * time.Minute

// Execution is one Python program in a sandbox of its own.
type Execution struct {
	Code     string
	Stdin    *string // nil: no input
	Timeout  time.Duration
	LastLine bool // prints the value of the last expression
	Files    []Staged
}

// Returned is something that a program made or changed: kept under FileID, or,
// without one, not kept, for the reason that Skipped names (wire.SkippedEntry).
type Returned struct {
	Path, FileID string
	Skipped      string
}

// Executed is how a program ended.
type Executed struct {
	wire.SandboxResult
	Files []Returned
}

// Prepared is an execution whose sandbox is ready: Run it, then Close it.
type Prepared struct {
	x     *Sandboxes
	p     store.Principal
	s     store.Session
	run   wire.Run
	leave func()
}

// Execute makes a program ready to run. What is wrong with it is known then.
func (x *Sandboxes) Execute(ctx context.Context, p store.Principal, e Execution) (_ *Prepared, err error) {
	files, err := x.resolve(ctx, p, e.Files)
	if err != nil {
		return nil, err
	}
	defer files.close()
	for _, f := range files {
		if f.path == "__main__.py" {
			return nil, &BadRequest{"File paths must not be '__main__.py': that is the program itself."}
		}
	}
	leave, err := x.executions.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			leave()
		}
	}()
	s, err := x.take(ctx, oneShot, x.Standard, time.Now().Add(e.Timeout+grace))
	if err != nil {
		return nil, err
	}
	if err := x.stage(ctx, s, files, true); err != nil {
		x.drop(ctx, s)
		return nil, err
	}
	out := &Prepared{x: x, p: p, s: s, leave: leave}
	out.run = wire.Run{ID: uuid.NewString(), Python: &wire.Python{Code: e.Code, LastLine: e.LastLine},
		TimeoutMS: e.Timeout.Milliseconds(), Limit: x.Limits.MaxOutput}
	if e.Stdin != nil {
		out.run.Stdin = []byte(*e.Stdin)
	}
	return out, nil
}

// Run runs the program to its end and keeps what it made.
func (e *Prepared) Run(ctx context.Context, out Output) (Executed, error) {
	in := e.x.guests.of(e.s)
	res, err := in.Run(ctx, e.run, nil, out)
	if err != nil {
		return Executed{SandboxResult: res}, e.x.trouble(ctx, oneShot, e.s, err)
	}
	done := Executed{SandboxResult: res}
	limit := e.x.Standard.Disk
	all, err := in.Produced(ctx, limit, func(entry wire.SandboxEntry, data io.Reader) error {
		f, err := e.x.Upload(ctx, e.p, entry.Path, data)
		if errors.Is(err, ErrTooLarge) {
			done.Files = append(done.Files, Returned{Path: entry.Path, Skipped: wire.SkippedLimit})
			return nil
		}
		if err != nil {
			return err
		}
		done.Files = append(done.Files, Returned{Path: entry.Path, FileID: f.ID})
		return nil
	})
	if err != nil {
		return done, e.x.trouble(ctx, oneShot, e.s, err)
	}
	for _, s := range all.Skipped {
		done.Files = append(done.Files, Returned{Path: s.Path, Skipped: s.Reason})
	}
	return done, nil
}

// Close ends the sandbox, which nobody waits for.
func (e *Prepared) Close() {
	e.leave()
	e.x.ending.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
		defer cancel()
		if err := e.x.DB.DropSandbox(ctx, e.s.ID); err != nil {
			e.x.Log.Warn("A sandbox lives on until its deadline", "sandbox", e.s.Name, "error", err)
		}
		e.x.kill(ctx, e.s)
	})
}

// endOneShots lets those go that a daemon before us has left.
func (x *Sandboxes) endOneShots(ctx context.Context) {
	rows, err := x.DB.Sandboxes(ctx, oneShot)
	for _, s := range rows {
		if err = x.DB.DropSandbox(ctx, s.ID); err != nil {
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		x.Log.Warn("Sandboxes of old executions live on until their deadline", "error", err)
	}
	if len(rows) > 0 {
		x.Ended()
	}
}
