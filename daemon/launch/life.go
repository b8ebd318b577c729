package launch

import (
	"regexp"
	"strconv"
	"time"
)

// Bounds of a time to live.
const (
	shortestLife = time.Minute
	longestLife  = 365 * 24 * time.Hour
)

var days = regexp.MustCompile(`^([0-9]{1,3})d(.*)$`)

// Life reads a time to live, as in 90m, 8h, 2d or 1d12h: none, or nothing, is 0.
// ok is false for what is none, is shorter than a minute or longer than a year.
func Life(text string) (d time.Duration, ok bool) {
	if text == "" || text == "none" {
		return 0, true
	}
	if m := days.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		d, text = time.Duration(n)*24*time.Hour, m[2]
	}
	if text != "" {
		rest, err := time.ParseDuration(text)
		if err != nil || rest < 0 || rest > longestLife {
			return 0, false
		}
		d += rest
	}
	return d, shortestLife <= d && d <= longestLife
}

// LifeHelp says how a time to live is written.
const LifeHelp = "A time to live is written as 90m, 8h or 2d, of a minute at least and 365 days at most; none lets a session run until it is stopped."

func checkLife(r Request) error {
	if _, ok := Life(r.TimeToLive); !ok {
		return wrong(r.TimeToLive, "value_error", LifeHelp, "time_to_live")
	}
	return nil
}
