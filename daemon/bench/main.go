// Command bench measures Volundr and prints one table. What is measured is the
// built executable with a data directory of its own, a real engine and real
// agents; only the model is scripted. Each figure stands beside what it is
// compared with, both measured in turns in one run, so that a busy machine
// slows both down.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	goruntime "runtime"
	"strings"
	"syscall"

	"github.com/docker/docker/client"

	"volundr/daemon/e2e/model"
	"volundr/runtime/docker"
)

// figures are what is measured, in the table's order: one function and one
// file each. A figure ends all that it began, whatever becomes of ctx.
var figures = []struct {
	name    string
	measure func(context.Context, *bench) ([]row, error)
}{
	{"start", start},
	{"daemon", idle},
	{"surfaces", surfaces},
	{"chronicles", chronicles},
	{"watcher", watcher},
	{"logins", logins},
	{"many", many},
	{"sandboxes", sandboxes},
	{"sandbox load", sandboxLoad},
	{"kubernetes", cluster},
}

// bench is what the figures stand on.
type bench struct {
	volundr string // the executable
	rounds  int    // how often everything is measured
	engine  *client.Client
	model   string    // URL of the scripted model
	log     io.Writer // progress
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.log, format+"\n", args...) }

func main() {
	if len(os.Args) == 3 && os.Args[1] == peerRole {
		fail(peer(os.Args[2]))
		return
	}
	asJSON := flag.Bool("json", false, "print JSON")
	only := flag.String("only", "", "one figure: start, daemon, surfaces, chronicles, watcher, logins, many, sandboxes, sandbox load or kubernetes")
	b := &bench{log: os.Stderr}
	flag.StringVar(&b.volundr, "volundr", "./volundr", "the executable to measure")
	flag.IntVar(&b.rounds, "rounds", 10, "how often each thing is measured")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal does not wait for the cleaning up
	rows, err := run(ctx, b, *only)
	switch {
	case *asJSON:
		fail(printJSON(os.Stdout, rows))
	case len(rows) > 0:
		fmt.Println(machine())
		fail(printTable(os.Stdout, rows))
	}
	fail(err)
}

// machine says what the figures were measured on, and how busy it was.
func machine() string {
	text := fmt.Sprintf("%s/%s, %d cores", goruntime.GOOS, goruntime.GOARCH, goruntime.NumCPU())
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		text += ", load average " + strings.Join(strings.Fields(string(load))[:3], " ")
	}
	return text
}

func run(ctx context.Context, b *bench, only string) (rows []row, err error) {
	found, _, err := docker.Find(ctx, "")
	if err != nil {
		return nil, err
	}
	if b.engine, err = found.Client(); err != nil {
		return nil, err
	}
	defer b.engine.Close()
	m := model.New()
	if b.model, err = m.Start(); err != nil {
		return nil, err
	}
	defer m.Close()
	for _, f := range figures {
		if only != "" && only != f.name {
			continue
		}
		more, err := f.measure(ctx, b)
		rows = append(rows, more...)
		if err != nil {
			return rows, fmt.Errorf("measure %s: %w", f.name, err)
		}
	}
	return rows, nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
