package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
)

// start: from the wish for a session until the product says RUNNING, against
// the same containers started by plain engine calls and polled until they
// answer. Both make their network and their volumes anew each time.
func start(ctx context.Context, b *bench) (rows []row, err error) {
	p, err := b.install(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = first(err, p.remove(ctx)) }()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}

	s, _, err := p.run(ctx) // warms up, and is the pattern of the floor
	if err != nil {
		return nil, err
	}
	pod, err := copyPod(ctx, b.engine, s.ID, public)
	if err != nil {
		return nil, err
	}
	floor := &floor{engine: b.engine, model: b.model, pod: pod, key: private}
	defer func() { err = first(err, floor.remove(ctx)) }()
	if err := p.end(ctx, s.ID); err != nil {
		return nil, err
	}

	var product, plain series
	ours := func() error {
		s, took, err := p.run(ctx)
		if err != nil {
			return err
		}
		product.millis(took)
		return p.end(ctx, s.ID)
	}
	bare := func() error {
		took, err := floor.run(ctx)
		if err != nil {
			return err
		}
		plain.millis(took)
		return floor.remove(ctx)
	}
	for i := range b.rounds {
		turns := []func() error{ours, bare}
		if i%2 == 1 { // who comes second has warmer caches
			turns = []func() error{bare, ours}
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return nil, err
			}
		}
		b.say("start %d/%d: product %.0f ms, floor %.0f ms", i+1, b.rounds, product[i], plain[i])
	}
	return []row{measured("create → RUNNING", "ms", product).against("floor", plain).atMostTimes(1.25)}, nil
}

// first gives the error that came first.
func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
