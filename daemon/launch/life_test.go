package launch

import (
	"testing"
	"time"
)

func TestHowLongASessionLives(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "none": 0, "1m": time.Minute, "90m": 90 * time.Minute, "8h": 8 * time.Hour, "1h30m": 90 * time.Minute,
		"2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "365d": 365 * 24 * time.Hour,
		"0": -1, "59s": -1, "-1h": -1, "366d": -1, "365d1s": -1, "9999999h": -1, "8": -1, "8x": -1, "d": -1, "1d-2h": -1, "1d2d": -1, "never": -1, " 8h": -1,
	} {
		d, ok := Life(text)
		if ok != (want >= 0) || ok && d != want {
			t.Errorf("%q: %s %v", text, d, ok)
		}
	}
	if c, life := Need([]byte(`{"time_to_live":"8h","resource_config":{"cpu":2}}`)); c.CPU != 2000 || life != 8*time.Hour {
		t.Error(c, life)
	}
}
