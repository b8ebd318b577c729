package main

import (
	"math"
	"slices"
	"time"
)

// series are measurements of one thing, in one unit.
type series []float64

func (s *series) add(v float64)               { *s = append(*s, v) }
func (s *series) millis(d time.Duration)      { s.add(float64(d) / float64(time.Millisecond)) }
func (s *series) rate(n int, d time.Duration) { s.add(float64(n) / 1e6 / d.Seconds()) }

func (s series) median() float64 { return s.quantile(0.5) }

// quantile interpolates between the two nearest measurements; NaN of none.
func (s series) quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(s)-1)
	low := int(at)
	high := min(low+1, len(s)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(at-float64(low))
}
