package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"volundr/ui/client"
)

// figures are what is measured in turns.
func (m *meter) figures() []sandboxFigure {
	r := m.bench.rounds
	return []sandboxFigure{
		{name: "create", pool: m.pool.created, cold: m.cold.created, plain: m.floor.created, most: 10, coldTimes: 1.1, rounds: 2 * r},
		{name: "create with 1 MiB staged", pool: m.with(m.pool), cold: m.with(m.cold), plain: m.floor.staged(m.staged), most: 25, rounds: r},
		{name: "10 at once", pool: m.pool.many, cold: m.cold.many, plain: m.floor.many, most: 50, coldMost: 750, rounds: r},
		{name: "bash `true`", pool: m.pool.bash, plain: m.floor.bash, most: 5, rounds: 3 * r},
		{name: "delete", pool: m.pool.deleted, plain: m.floor.deleted, most: 10, rounds: 2 * r},
		{name: "execute print(1)", pool: m.pool.executed, cold: m.cold.executed, plain: m.floor.executed, most: 60, rounds: 2 * r},
		{name: "agent loop, 30 commands", pool: m.loop(m.pool), cold: m.loop(m.cold), plain: m.floor.loop(m.archive), most: 500, rounds: r},
		{name: "time to first command", pool: m.pool.first, cold: m.cold.first, plain: m.floor.first, rounds: 3 * r},
		{name: "time to first command, burst of 10", pool: m.pool.firsts, cold: m.cold.firsts, plain: m.floor.firsts, rounds: r},
	}
}

// created: a sandbox, ready for commands; its end does not count.
func (h *house) created(ctx context.Context) (time.Duration, error) {
	id, took, err := h.create(ctx, client.SandboxCreate{})
	return took, first(err, h.api.DeleteSandbox(ctx, id))
}

func (p *plain) created(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	id, err := p.create(ctx)
	took := time.Since(began)
	return took, first(err, p.remove(ctx, id))
}

// with: the file is uploaded before; staging it counts.
func (m *meter) with(h *house) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		file, err := h.api.Upload(ctx, "staged", bytes.NewReader(m.staged))
		if err != nil {
			return 0, err
		}
		id, took, err := h.create(ctx, client.SandboxCreate{Files: []client.StagedFile{{Path: "dir/staged", FileID: file.ID}}})
		if err != nil {
			return 0, err
		}
		return took, first(h.api.DeleteSandbox(ctx, id), h.api.DeleteUpload(ctx, file.ID))
	}
}

func (p *plain) staged(file []byte) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		var archive bytes.Buffer
		began := time.Now()
		w := tar.NewWriter(&archive)
		if err := w.WriteHeader(&tar.Header{Name: "dir/staged", Mode: 0o644, Size: int64(len(file))}); err != nil {
			return 0, err
		}
		if _, err := w.Write(file); err != nil {
			return 0, err
		}
		if err := w.Close(); err != nil {
			return 0, err
		}
		id, err := p.create(ctx)
		if err != nil {
			return 0, err
		}
		_, err = p.run(ctx, id, archive.Bytes(), "tar", "-x", "-C", "/workspace")
		took := time.Since(began)
		return took, first(err, p.remove(ctx, id))
	}
}

func (h *house) many(ctx context.Context) (time.Duration, error) {
	took, err := burst(ctx, abreast, func(ctx context.Context, _ int) error {
		_, _, err := h.create(ctx, client.SandboxCreate{})
		return err
	})
	return took, first(err, h.clear(ctx))
}

func (p *plain) many(ctx context.Context) (time.Duration, error) {
	took, err := burst(ctx, abreast, func(ctx context.Context, _ int) error { _, err := p.create(ctx); return err })
	return took, first(err, p.clear(ctx))
}

// bash runs commands one after the other in one sandbox and gives the median.
func (h *house) bash(ctx context.Context) (time.Duration, error) {
	id, _, err := h.create(ctx, client.SandboxCreate{})
	if err != nil {
		return 0, err
	}
	took, err := middle(20, func() error {
		r, err := h.api.Bash(ctx, id, client.Bash{Cmd: "true"})
		return first(err, said(r, ""))
	})
	return took, first(err, h.api.DeleteSandbox(ctx, id))
}

func (p *plain) bash(ctx context.Context) (time.Duration, error) {
	id, err := p.create(ctx)
	if err != nil {
		return 0, err
	}
	took, err := middle(5, func() error { _, err := p.run(ctx, id, nil, "bash", "-c", "true"); return err })
	return took, first(err, p.remove(ctx, id))
}

// middle is the median of n times that something takes.
func middle(n int, do func() error) (time.Duration, error) {
	var each series
	for range n {
		began := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		each.millis(time.Since(began))
	}
	return time.Duration(each.median() * float64(time.Millisecond)), nil
}

func (h *house) deleted(ctx context.Context) (time.Duration, error) {
	id, _, err := h.create(ctx, client.SandboxCreate{})
	if err != nil {
		return 0, err
	}
	if _, err := h.api.Bash(ctx, id, client.Bash{Cmd: "sleep 600 >/dev/null 2>&1 &"}); err != nil {
		return 0, err
	}
	began := time.Now()
	err = h.api.DeleteSandbox(ctx, id)
	return time.Since(began), err
}

func (p *plain) deleted(ctx context.Context) (time.Duration, error) {
	id, err := p.create(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = p.remove(ctx, id)
	return time.Since(began), err
}

func (h *house) executed(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	r, err := h.api.Execute(ctx, client.Execute{Code: "print(1)", TimeoutMS: 30_000})
	return time.Since(began), first(err, said(r.BashResult, "1"))
}

func (p *plain) executed(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	id, err := p.create(ctx)
	if err != nil {
		return 0, err
	}
	_, err = p.run(ctx, id, []byte("print(1)"), "python3", "-")
	err = first(err, p.remove(ctx, id))
	return time.Since(began), err
}

// loop: an agent's work, from the archive's upload to the sandbox's end.
func (m *meter) loop(h *house) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		began := time.Now()
		file, err := h.api.Upload(ctx, "src.tgz", bytes.NewReader(m.archive))
		if err != nil {
			return 0, err
		}
		id, _, err := h.create(ctx, client.SandboxCreate{Files: []client.StagedFile{{Path: "src.tgz", FileID: file.ID}}})
		if err != nil {
			return 0, err
		}
		for i := range loopRuns {
			r, err := h.api.Bash(ctx, id, client.Bash{Cmd: step(i)})
			if err = first(err, said(r, fmt.Sprint(i))); err != nil {
				return 0, err
			}
		}
		err = h.api.DeleteSandbox(ctx, id)
		took := time.Since(began)
		return took, first(err, h.api.DeleteUpload(ctx, file.ID))
	}
}

// step is one command of the loop, which prints its number.
func step(i int) string {
	if i == 0 {
		return "tar -xzf src.tgz && echo 0"
	}
	return fmt.Sprintf("wc -c src/file%d >/dev/null && echo %d", i, i)
}

func (p *plain) loop(archive []byte) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		began := time.Now()
		id, err := p.create(ctx)
		if err != nil {
			return 0, err
		}
		if _, err := p.run(ctx, id, archive, "tar", "-xz", "-C", "/workspace"); err != nil {
			return 0, err
		}
		for i := 1; i < loopRuns; i++ {
			if _, err := p.run(ctx, id, nil, "bash", "-c", "cd /workspace; "+step(i)); err != nil {
				return 0, err
			}
		}
		err = p.remove(ctx, id)
		return time.Since(began), err
	}
}

const firstCommand = "node -v"

// first: from the wish for a sandbox until its first command was answered.
func (h *house) first(ctx context.Context) (time.Duration, error) {
	id, took, err := h.answered(ctx)
	return took, first(err, h.api.DeleteSandbox(ctx, id))
}

func (h *house) answered(ctx context.Context) (string, time.Duration, error) {
	began := time.Now()
	id, _, err := h.create(ctx, client.SandboxCreate{})
	if err != nil {
		return id, 0, err
	}
	r, err := h.api.Bash(ctx, id, client.Bash{Cmd: firstCommand})
	if err == nil && !strings.HasPrefix(r.Stdout, "v") {
		err = fmt.Errorf("`%s` printed %q %q", firstCommand, r.Stdout, r.Stderr)
	}
	return id, time.Since(began), err
}

func (h *house) firsts(ctx context.Context) (time.Duration, error) {
	took, err := burst(ctx, abreast, func(ctx context.Context, _ int) error { _, _, err := h.answered(ctx); return err })
	return took, first(err, h.clear(ctx))
}

func (p *plain) first(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	id, err := p.create(ctx)
	if err != nil {
		return 0, err
	}
	_, err = p.run(ctx, id, nil, "bash", "-c", firstCommand)
	took := time.Since(began)
	return took, first(err, p.remove(ctx, id))
}

func (p *plain) firsts(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	g, gctx := errgroup.WithContext(ctx)
	for range abreast {
		g.Go(func() error {
			id, err := p.create(gctx)
			if err != nil {
				return err
			}
			_, err = p.run(gctx, id, nil, "bash", "-c", firstCommand)
			return err
		})
	}
	err := g.Wait()
	took := time.Since(began)
	return took, first(err, p.clear(ctx))
}
