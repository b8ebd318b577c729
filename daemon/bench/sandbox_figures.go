package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"volundr/ui/client"
)

const (
	stagedSize = 1 << 20
	loopSize   = 3_300_000 // bytes of the agent's archive
	loopRuns   = 30        // commands that it runs
)

// sandboxFigure is one thing that is measured in three ways: with sandboxes made
// ahead, without, and by plain engine calls. A way that is nil has no meaning.
type sandboxFigure struct {
	name              string
	pool, cold, plain func(ctx context.Context) (time.Duration, error)
	most              float64 // ms, from the pool, and
	coldMost          float64 // ms, cold; or
	coldTimes         float64 // of the plain one
	rounds            int     // each
	series            [3]series
}

// sandboxes: what the sandbox API does, beside plain engine calls that do the
// same, measured in turns.
func sandboxes(ctx context.Context, b *bench) (rows []row, err error) {
	pool, err := b.openHouse(ctx, abreast)
	if pool != nil {
		defer func() { err = errors.Join(err, pool.close(ctx)) }()
	}
	if err != nil {
		return nil, err
	}
	cold, err := b.openHouse(ctx, 0)
	if cold != nil {
		defer func() { err = errors.Join(err, cold.close(ctx)) }()
	}
	if err != nil {
		return nil, err
	}
	id, _, err := cold.create(ctx, client.SandboxCreate{})
	if err != nil {
		return nil, err
	}
	floor, err := copySandbox(ctx, cold, id)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, floor.clear(ctx)) }()
	if err := cold.api.DeleteSandbox(ctx, id); err != nil {
		return nil, err
	}
	m := &meter{bench: b, pool: pool, cold: cold, floor: floor}
	if err := m.prepare(ctx); err != nil {
		return nil, err
	}
	for _, f := range m.figures() {
		more, err := m.measure(ctx, f)
		rows = append(rows, more...)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	killed, err := m.kills(ctx)
	return append(rows, killed...), err
}

// meter holds what the figures are measured with.
type meter struct {
	bench      *bench
	pool, cold *house
	floor      *plain
	staged     []byte // a file
	archive    []byte // .tar.gz
}

func (m *meter) prepare(ctx context.Context) error {
	m.staged = make([]byte, stagedSize)
	rand.Read(m.staged)
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.NoCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(zip)
	body := make([]byte, loopSize/100-512)
	rand.Read(body)
	for i := range 100 {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("src/file%d", i), Mode: 0o644, Size: int64(len(body))}); err != nil {
			return err
		}
		if _, err := w.Write(body); err != nil {
			return err
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		return err
	}
	m.archive = out.Bytes()
	return ctx.Err()
}

// measure takes all ways of one figure in turns.
func (m *meter) measure(ctx context.Context, f sandboxFigure) (rows []row, err error) {
	ways := []func(context.Context) (time.Duration, error){f.pool, f.cold, f.plain}
	for i := range f.rounds {
		for k := range ways {
			k = (k + i) % len(ways) // who comes last has warmer caches
			if ways[k] == nil {
				continue
			}
			if k == 0 {
				if err := m.pool.ready(ctx); err != nil {
					return nil, err
				}
			}
			limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
			took, err := ways[k](limited)
			cancel()
			if err != nil {
				return nil, err
			}
			f.series[k].millis(took)
		}
	}
	m.bench.say("%s: pool %.1f ms, cold %.1f ms, by the engine %.1f ms", f.name, f.series[0].median(), f.series[1].median(), f.series[2].median())
	for k, way := range []string{"from the pool", "cold"} {
		if len(f.series[k]) == 0 {
			continue
		}
		name := f.name
		if ways[1-k] != nil {
			name += ", " + way
		}
		r := measured(name, "ms", f.series[k])
		if len(f.series[2]) > 0 {
			r = r.against("engine calls", f.series[2])
		}
		switch {
		case k == 0 && f.most > 0:
			r = r.atMost(f.most)
		case k == 1 && f.coldMost > 0:
			r = r.atMost(f.coldMost)
		case k == 1 && f.coldTimes > 0:
			r = r.atMostTimes(f.coldTimes)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// said checks what a command printed.
func said(r client.BashResult, want string) error {
	if r.ExitCode == nil || *r.ExitCode != 0 || strings.TrimSpace(r.Stdout) != want {
		return fmt.Errorf("a command printed %q and %q, timed out: %v", r.Stdout, r.Stderr, r.TimedOut)
	}
	return nil
}
