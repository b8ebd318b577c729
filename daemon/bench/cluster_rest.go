package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

const resting = time.Minute // how long calls are counted

// turnstile stands before the API server and counts who comes.
type turnstile struct {
	*httptest.Server
	calls atomic.Int64
}

func (k *kube) turnstile() (*turnstile, error) {
	server, err := url.Parse(k.server)
	if err != nil {
		return nil, err
	}
	to := httputil.NewSingleHostReverseProxy(server)
	to.Transport, to.FlushInterval = k.http.Transport, -1
	t := &turnstile{}
	t.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.calls.Add(1)
		to.ServeHTTP(w, r)
	}))
	return t, nil
}

// rest counts calls while nobody asks for anything.
func (t *turnstile) rest(ctx context.Context) (perMinute float64, err error) {
	for range 2 { // first it comes to rest
		t.calls.Store(0)
		select {
		case <-time.After(resting):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return float64(t.calls.Load()) / resting.Minutes(), nil
}
