package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// row is one line of the table.
type row struct {
	Figure   string  `json:"figure"`
	Unit     string  `json:"unit"`     // of all values: ms, MB, MB/s, …
	Measured float64 `json:"measured"` // median
	P95      float64 `json:"p95"`
	P99      float64 `json:"p99"`
	Runs     int     `json:"runs"`
	PeerName string  `json:"peer_name,omitempty"`
	Peer     float64 `json:"peer,omitempty"`  // median of the same run
	Ratio    float64 `json:"ratio,omitempty"` // median of the rounds' ratios
	Added    float64 `json:"added,omitempty"` // median of the rounds' differences
	Target   string  `json:"target,omitempty"`
	Met      *bool   `json:"met,omitempty"` // nil without a target

	series series
}

// measured begins a row.
func measured(figure, unit string, s series) row {
	return row{Figure: figure, Unit: unit, Measured: s.median(), P95: s.quantile(0.95), P99: s.quantile(0.99), Runs: len(s), series: s}
}

// against sets the peer, measured in the same unit and the same rounds. What is
// compared lies next to each other in time: load that changes from round to
// round leaves the ratio alone.
func (r row) against(name string, peer series) row {
	var ratios, added series
	for i, v := range r.series {
		ratios.add(v / peer[i])
		added.add(v - peer[i])
	}
	r.PeerName, r.Peer = name, peer.median()
	r.Ratio, r.Added = ratios.median(), added.median()
	return r
}

func (r row) target(met bool, format string, args ...any) row {
	r.Target, r.Met = fmt.Sprintf(format, args...), &met
	return r
}

// atMost and atLeast: the value itself is bounded.
func (r row) atMost(v float64) row  { return r.target(r.Measured <= v, "≤ %g %s", v, r.Unit) }
func (r row) atLeast(v float64) row { return r.target(r.Measured >= v, "≥ %g %s", v, r.Unit) }

// atMostTimes and atLeastOf: the ratio to the peer is bounded.
func (r row) atMostTimes(v float64) row {
	return r.target(r.Ratio <= v, "≤ %g × %s", v, r.PeerName)
}

func (r row) atLeastOf(v float64) row {
	return r.target(r.Ratio >= v, "≥ %g × %s", v, r.PeerName)
}

// addsAtMost: what the peer lacks is bounded.
func (r row) addsAtMost(v float64) row {
	return r.target(r.Added <= v, "≤ %s + %g %s", r.PeerName, v, r.Unit)
}

func value(v float64, unit string) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f %s", v, unit)
	case v >= 1:
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.3f %s", v, unit)
}

func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FIGURE\tMEASURED\tP95\tP99\tTARGET\tFLOOR OR PEER\tRATIO\t")
	for _, r := range rows {
		target, peer, ratio, met := "–", "–", "–", ""
		if r.PeerName != "" {
			peer, ratio = value(r.Peer, r.Unit)+" "+r.PeerName, fmt.Sprintf("%.2f", r.Ratio)
		}
		if r.Met != nil {
			target, met = r.Target, "met"
			if !*r.Met {
				met = "MISSED"
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Figure, value(r.Measured, r.Unit), value(r.P95, r.Unit), value(r.P99, r.Unit), target, peer, ratio, met)
	}
	return t.Flush()
}

func printJSON(w io.Writer, rows []row) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(rows)
}
