package chronicle

import (
	"slices"
	"time"
)

// FileStat is what became of a file.
type FileStat struct {
	Path   string `json:"path"`
	Status string `json:"status"` // new, mod, del
	Ins    int    `json:"ins"`
	Del    int    `json:"del"`
}

// Commit is a commit in a timeline.
type Commit struct {
	Hash string `json:"hash"` // 7 digits
	Msg  string `json:"msg"`
	Time string `json:"time"` // HH:MM, UTC
}

// Sums are what a timeline adds up to, as the contract has it.
type Sums struct {
	Files     []FileStat `json:"files"`
	Commits   []Commit   `json:"commits"`    // newest first
	TokenBurn []int64    `json:"token_burn"` // of messages, per 300 s
}

// bucket is what one figure of TokenBurn covers.
const bucket = 300

// Sum adds up a whole timeline, in order of time.
func Sum(events []Event) Sums {
	s := Sums{Files: []FileStat{}, Commits: []Commit{}, TokenBurn: []int64{}}
	files := map[string]int{}
	var last int64
	for _, e := range events {
		last = max(last, e.T)
		switch {
		case e.Type == TypeFile && e.Kind != KindMore:
			s.file(files, e)
		case e.Type == TypeGit && e.Hash != "":
			s.Commits = append(s.Commits, Commit{e.Hash[:min(7, len(e.Hash))], e.Label, e.At.UTC().Format("15:04")})
		}
	}
	if len(events) > 0 {
		s.TokenBurn = make([]int64, last/bucket+1)
	}
	for _, e := range events {
		if e.Type == TypeMessage && e.Tokens != nil {
			s.TokenBurn[e.T/bucket] += *e.Tokens
		}
	}
	slices.Reverse(s.Commits)
	s.Files = slices.DeleteFunc(s.Files, func(f FileStat) bool { return f.Path == "" })
	return s
}

// file takes one change in. A file that was made and is gone again is not told;
// one that was renamed takes its figures along.
func (s *Sums) file(at map[string]int, e Event) {
	if i, ok := at[e.From]; ok && e.From != "" && e.From != e.Label {
		delete(at, e.From)
		at[e.Label] = i
		s.Files[i].Path = e.Label
	} else if e.From != "" && e.Git == "" {
		if _, known := at[e.Label]; !known {
			at[e.Label] = len(s.Files)
			s.Files = append(s.Files, FileStat{Path: e.Label, Status: "mod"})
		}
	}
	i, known := at[e.Label]
	if !known {
		i = len(s.Files)
		at[e.Label] = i
		s.Files = append(s.Files, FileStat{Path: e.Label})
	}
	f := &s.Files[i]
	switch {
	case e.Action == "deleted" && f.Status == "new":
		delete(at, e.Label)
		*f = FileStat{}
		return
	case e.Action == "deleted":
		f.Status = "del"
	case e.Action == "created" && f.Status == "":
		f.Status = "new"
	case f.Status == "" || f.Status == "del":
		f.Status = "mod"
	}
	if e.Ins != nil {
		f.Ins += *e.Ins
	}
	if e.Del != nil {
		f.Del += *e.Del
	}
}

// touchedFiles makes files of what the agent's edits say, for sessions whose
// files nobody watched: unless any event is a file's.
func touchedFiles(events []Event) []Event {
	if slices.ContainsFunc(events, func(e Event) bool { return e.Type == TypeFile }) {
		return events
	}
	out := make([]Event, 0, len(events))
	action := map[string]string{"new": "created", "mod": "modified", "del": "deleted"}
	for _, e := range events {
		out = append(out, e)
		for _, f := range e.Touched {
			out = append(out, Event{N: e.N, Key: e.Key + ":" + f.Path, At: e.At, T: e.T, Type: TypeFile, Label: f.Path,
				Data: Data{Action: action[f.Status], Ins: of(f.Ins), Del: of(f.Del), Who: Agent, Turn: e.Turn}})
		}
	}
	return out
}

// span is a duration for people: 45 s, 12 min, 3 h 20 min.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return plural(int(d.Seconds()), "second")
	case d < time.Hour:
		return plural(int(d.Round(time.Minute).Minutes()), "minute")
	}
	d = d.Round(time.Minute)
	h, m := int(d.Hours()), int(d.Minutes())%60
	if m == 0 {
		return plural(h, "hour")
	}
	return plural(h, "hour") + " " + plural(m, "minute")
}
