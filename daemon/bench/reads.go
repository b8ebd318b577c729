package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"volundr/store"
	"volundr/ui/client"
)

// queries are what is searched for: by what stands in one chronicle, in all of
// them, and in none.
var queries = []struct{ name, query string }{
	{"a word of one", "task493"},
	{"a word of all", word(1)},
	{"several words of all", word(1) + " " + word(2) + " " + word(3)},
	{"the beginning of many words", word(1)[:3]},
	{"no word of any", "zebra"},
}

// readChronicles measures answers of the API against its smallest one.
func readChronicles(ctx context.Context, b *bench, p *product, long []store.Chronicle) ([]row, error) {
	for _, q := range queries { // what is new is taken into the search by the first
		var hits []client.ChronicleHit
		if err := p.api.Do(ctx, "GET", search(q.query), nil, &hits); err != nil {
			return nil, err
		}
		if none := q.query == "zebra"; none != (len(hits) == 0) {
			return nil, fmt.Errorf("search for %s: %d hits", q.query, len(hits))
		}
	}
	var me, cold, page, all series
	found := make([]series, len(queries))
	for i, c := range long {
		at := "/chronicles/" + c.ID + "/timeline"
		var t client.Timeline
		ask := []struct {
			s    *series
			path string
		}{{&me, "/me"}, {&cold, at + "?limit=500"}, {&page, at + "?limit=500"}, {&all, at}}
		for j, q := range queries {
			ask = append(ask, struct {
				s    *series
				path string
			}{&found[j], search(q.query)})
		}
		for _, a := range ask {
			if a.s == &all { // it is kept once it was read
				if err := p.api.Do(ctx, "GET", at, nil, &t); err != nil {
					return nil, err
				}
			}
			if err := p.timed(ctx, a.s, a.path); err != nil {
				return nil, err
			}
		}
		if len(t.Events) < longEvents {
			return nil, fmt.Errorf("the timeline has %d events only", len(t.Events))
		}
		b.say("answers %d/%d: page of %d events %.0f ms, again %.0f ms, all %.0f ms; /me %.1f ms", i+1, len(long), len(t.Events), cold[i], page[i], all[i], me[i])
	}
	const peer = "`/me`"
	rows := []row{
		measured("page of a timeline of 10,000 events, never read before", "ms", cold).against(peer, me).atMost(50),
		measured("page of a timeline of 10,000 events", "ms", page).against(peer, me).atMost(50),
		measured("timeline of 10,000 events, whole, read before", "ms", all).against(peer, me).atMost(50),
	}
	for j, q := range queries {
		rows = append(rows, measured("search 1,000 chronicles: "+q.name, "ms", found[j]).against(peer, me).atMost(50))
	}
	return rows, nil
}

func search(query string) string { return "/chronicles/search?q=" + url.QueryEscape(query) }

// timed adds how long an answer takes, to its last byte.
func (p *product) timed(ctx context.Context, s *series, path string) error {
	return p.read(ctx, s, client.Base+path)
}

// read does so for a path of the daemon, a page's too.
func (p *product) read(ctx context.Context, s *series, path string) error {
	req, err := http.NewRequestWithContext(ctx, "GET", p.api.URL+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.api.Token)
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, res.Status)
	}
	_, err = drain(res.Body)
	s.millis(time.Since(began))
	return err
}
