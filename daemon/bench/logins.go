package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

const (
	refusalsEach = 100 // refused ways in, a second
	manyUsers    = 100
	ofEach       = 100 // sessions of each user
)

// logins: what refused ways in cost a daemon, and how long somebody waits for the
// list of their own sessions among those of many.
func logins(ctx context.Context, b *bench) (rows []row, err error) {
	p, err := b.install(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = first(err, p.remove(ctx)) }()
	if err := p.stop(); err != nil {
		return nil, err
	}
	token, err := crowd(ctx, b, p)
	if err != nil {
		return nil, fmt.Errorf("store %d sessions of %d users: %w", manyUsers*ofEach, manyUsers, err)
	}
	if _, err := p.start(ctx); err != nil {
		return nil, err
	}
	var busy, me, list series // shares of a core in percent; milliseconds
	for i := range b.rounds {
		share, err := p.knocked(ctx)
		if err != nil {
			return nil, err
		}
		busy.add(share)
		b.say("refused logins %d/%d: %.1f %% of a core", i+1, b.rounds, share)
	}
	own := *p
	own.api = client.New(p.api.URL, token)
	for range 10 * b.rounds {
		for _, a := range []struct {
			s    *series
			path string
		}{{&me, "/me"}, {&list, "/sessions"}} {
			if err := own.timed(ctx, a.s, a.path); err != nil {
				return nil, err
			}
		}
	}
	mine, err := own.api.List(ctx, client.ListOptions{})
	if err != nil || len(mine) != ofEach {
		return nil, fmt.Errorf("a user of %d sessions sees %d (%w)", ofEach, len(mine), err)
	}
	return []row{
		measured(fmt.Sprintf("%d refused logins a second", refusalsEach), "% of a core", busy).atMost(5),
		measured("one's sessions, among 10,000 of 100 users", "ms", list).against("`/me`", me).atMost(20),
	}, nil
}

// crowd stores users with sessions that are at rest, and gives the token of one.
func crowd(ctx context.Context, b *bench, p *product) (token string, err error) {
	db, err := store.Open(filepath.Join(p.dir, "volundr.db"))
	if err != nil {
		return "", err
	}
	defer db.Close()
	a, err := auth.New(ctx, auth.Options{DB: db, Dir: p.dir, Listen: p.addr, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", err
	}
	for u := range manyUsers {
		user, err := db.AddUser(ctx, auth.Local, store.User{Name: fmt.Sprintf("user-%d", u), Role: store.RoleDeveloper})
		if err != nil {
			return "", err
		}
		for i := range ofEach {
			if _, err := db.Adopt(ctx, store.Session{Name: fmt.Sprintf("session-%d-%d", u, i), OwnerID: user.ID, TenantID: user.TenantID,
				Runtime: "docker", Run: 1, CreatedAt: time.Now().Add(-time.Hour), Request: []byte(`{"agent":"claude","source":{"type":"git"}}`)}); err != nil {
				return "", err
			}
		}
		if u%10 == 9 {
			b.say("users %d/%d, with %d sessions each", u+1, manyUsers, ofEach)
		}
		if u == manyUsers/2 {
			if _, token, err = a.NewToken(ctx, store.Principal{UserID: user.ID, TenantID: user.TenantID}, "bench", []string{auth.ScopeRead}, time.Now().Add(time.Hour)); err != nil {
				return "", err
			}
		}
	}
	return token, nil
}

// knocked knocks with wrong tokens and used-up login links in turn for five
// seconds, and gives the daemon's share of a core in percent.
func (p *product) knocked(ctx context.Context) (float64, error) {
	status, err := p.api.Status(ctx)
	if err != nil {
		return 0, err
	}
	before, err := spentBy(p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	tick := time.NewTicker(time.Second / refusalsEach)
	defer tick.Stop()
	for n := 0; time.Since(began) < 5*time.Second; n++ {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
		if err := knock(ctx, p.api.URL, status.UIURL, n); err != nil {
			return 0, err
		}
	}
	took := time.Since(began)
	after, err := spentBy(p.cmd.Process.Pid)
	return 100 * (after - before).Seconds() / took.Seconds(), err
}

func knock(ctx context.Context, program, control string, n int) error {
	req, err := http.NewRequestWithContext(ctx, "GET", program+client.Base+"/me", nil)
	if err != nil {
		return err
	}
	if req.Header.Set("Authorization", fmt.Sprintf("Bearer volundr_%026d", n)); n%2 == 1 {
		req.Header.Del("Authorization")
		req.URL.Path = fmt.Sprintf("/login/%026d", n)
		req.Host = strings.TrimPrefix(control, "http://")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if s := res.StatusCode; s != http.StatusUnauthorized && s != http.StatusTooManyRequests && s != http.StatusGone {
		return fmt.Errorf("a wrong way in is answered %s", res.Status)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// spentBy is the CPU time that a process has used, to a hundredth of a second.
func spentBy(pid int) (time.Duration, error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(raw), ") ") // behind the name, which may hold anything
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is %q", pid, raw)
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, err
}
