package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"volundr/daemon/auth"
	"volundr/daemon/chronicle"
	"volundr/daemon/link"
	"volundr/store"
)

const (
	longEvents = 10_000 // of a long run's timeline
	manyRuns   = 1000
	runEntries = 500 // of the journal of each of many runs
)

// chronicles: how fast journals become chronicles, and these answer through the
// API of a daemon that has a thousand of them. The journal is taken over as the
// link does, against the same without its timeline.
func chronicles(ctx context.Context, b *bench) (rows []row, err error) {
	p, err := b.install(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = first(err, p.remove(ctx)) }()
	if err := p.stop(); err != nil {
		return nil, err
	}
	w, err := writeChronicles(ctx, b, p)
	if err != nil {
		return nil, fmt.Errorf("write chronicles: %w", err)
	}
	if _, err := p.start(ctx); err != nil {
		return nil, err
	}
	read, err := readChronicles(ctx, b, p, w.long)
	return append([]row{
		measured("journal to database", "events/s", w.both).against("without timeline", w.alone).atLeast(20_000),
		measured("chronicle of 10,000 events completed", "ms", w.complete).atMost(1000),
	}, read...), err
}

// written is what writing chronicles took.
type written struct {
	long     []store.Chronicle // one of each round
	both     series            // entries/s, with what the timeline tells of them
	alone    series            // without
	complete series            // ms
}

// writeChronicles fills the database of a product that is stopped.
func writeChronicles(ctx context.Context, b *bench, p *product) (w written, err error) {
	db, err := store.Open(filepath.Join(p.dir, "volundr.db"))
	if err != nil {
		return w, err
	}
	defer func() { err = first(err, db.Close()) }()
	book := chronicle.New(chronicle.Options{DB: db})
	for i := range manyRuns {
		if _, _, err := oneRun(ctx, db, book, fmt.Sprintf("task%d", i), runEntries); err != nil {
			return w, err
		}
	}
	for i := range b.rounds {
		task := fmt.Sprintf("epic%d", i)
		entries := journal(longEvents*perEvent/100, task, time.Now())
		bare, err := adopt(ctx, db, "bare")
		if err != nil {
			return w, err
		}
		began := time.Now()
		if err := takeOver(ctx, db, nil, bare, entries); err != nil {
			return w, err
		}
		w.alone.add(float64(len(entries)) / time.Since(began).Seconds())
		c, took, err := oneRun(ctx, db, book, task, len(entries))
		if err != nil {
			return w, err
		}
		w.both.add(float64(len(entries)) / took[0].Seconds())
		w.complete.millis(took[1])
		w.long = append(w.long, c)
		b.say("chronicles %d/%d: %.0f entries/s, without timeline %.0f; completed in %.0f ms", i+1, b.rounds, w.both[i], w.alone[i], w.complete[i])
	}
	return w, nil
}

// oneRun stores a run that has ended, and tells how long its journal took and
// how long to complete its chronicle.
func oneRun(ctx context.Context, db *store.DB, book *chronicle.Chronicles, task string, n int) (c store.Chronicle, took [2]time.Duration, err error) {
	s, err := adopt(ctx, db, task)
	if err != nil {
		return c, took, err
	}
	if err := book.Opened(ctx, s); err != nil {
		return c, took, err
	}
	entries := journal(n, task, time.Now())
	began := time.Now()
	if err := takeOver(ctx, db, book, s, entries); err != nil {
		return c, took, err
	}
	took[0], began = time.Since(began), time.Now()
	if err := book.Completed(ctx, s, "stopped", entries[n-1].At); err != nil {
		return c, took, err
	}
	took[1] = time.Since(began)
	c, err = db.ChronicleOfRun(ctx, s.ID, s.Run)
	return c, took, err
}

func adopt(ctx context.Context, db *store.DB, name string) (store.Session, error) {
	return db.Adopt(ctx, store.Session{Name: name, OwnerID: auth.Local.UserID, TenantID: auth.Local.TenantID, Runtime: "docker", Run: 1,
		CreatedAt: time.Now(), Request: []byte(`{"agent":"claude","source":{"type":"git"}}`)})
}

// takeOver stores a journal in batches like the link's, with its timeline if
// there is a book.
func takeOver(ctx context.Context, db *store.DB, book *chronicle.Chronicles, s store.Session, entries []store.Entry) error {
	const batch = 256
	for len(entries) > 0 {
		n := min(batch, len(entries))
		var rows []store.TimelineEvent
		if book != nil {
			var err error
			if rows, err = book.Tell(ctx, link.Batch{Session: s.ID, Epoch: "bench", Entries: entries[:n]}); err != nil {
				return err
			}
		}
		if _, err := db.AppendJournal(ctx, s.ID, "bench", entries[:n], rows...); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}
