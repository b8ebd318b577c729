package main

import (
	"math"
	"strings"
	"testing"
)

func TestQuantilesInterpolate(t *testing.T) {
	s := series{40, 10, 30, 20}
	for q, want := range map[float64]float64{0: 10, 0.5: 25, 0.95: 38.5, 1: 40} {
		if got := s.quantile(q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %g = %g, want %g", q, got, want)
		}
	}
	if !math.IsNaN(series{}.median()) {
		t.Error("nothing measured has a median")
	}
}

func TestTargets(t *testing.T) {
	ours, floor := series{120}, series{100}
	for _, c := range []struct {
		row  row
		met  bool
		says string
	}{
		{measured("a", "ms", ours).atMost(150), true, "≤ 150 ms"},
		{measured("b", "ms", ours).atMost(60), false, "≤ 60 ms"},
		{measured("b", "events/s", ours).atLeast(150), false, "≥ 150 events/s"},
		{measured("c", "ms", ours).against("floor", floor).atMostTimes(1.25), true, "≤ 1.25 × floor"},
		{measured("d", "MB/s", floor).against("direct", ours).atLeastOf(0.7), true, "≥ 0.7 × direct"},
		{measured("e", "MB/s", series{80}).against("direct", ours).atLeastOf(0.7), false, "≥ 0.7 × direct"},
		{measured("f", "ms", ours).against("direct", floor).addsAtMost(0.5), false, "≤ direct + 0.5 ms"},
	} {
		if *c.row.Met != c.met || c.row.Target != c.says {
			t.Errorf("%s: %v (%s), want %v (%s)", c.row.Figure, *c.row.Met, c.row.Target, c.met, c.says)
		}
		var out strings.Builder
		if err := printTable(&out, []row{c.row}); err != nil {
			t.Fatal(err)
		}
		if missed := strings.Contains(out.String(), "MISSED"); missed == c.met || !strings.Contains(out.String(), c.says) {
			t.Errorf("printed:\n%s", out.String())
		}
	}
}
