package chronicle

import (
	"slices"
	"time"

	"volundr/store"
)

// FileStat is what became of a file.
type FileStat struct {
	Path   string `json:"path"`
	Status string `json:"status"` // new, mod, del
	Ins    int    `json:"ins"`
	Del    int    `json:"del"`
	From   string `json:"from,omitempty"` // what it was called when the run began, if that is another name
}

// Commit is a commit in a timeline.
type Commit struct {
	Hash string `json:"hash"` // 7 digits
	Msg  string `json:"msg"`
	Time string `json:"time"`           // HH:MM, UTC
	Repo string `json:"repo,omitempty"` // its folder in the workspace; empty: the workspace itself
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
	var s sum
	end := int64(-1)
	for _, e := range events {
		s.add(e)
		end = max(end, e.T)
	}
	return s.sums(end)
}

// sum is what the events of a timeline add up to so far; it is stored as it is.
type sum struct {
	Began   time.Time            `json:"began"`   // the run
	Watched bool                 `json:"watched"` // files are told by who watches them, and not by the agent's edits
	Last    store.TimelineCursor `json:"last"`    // of the files and commits
	Files   []FileStat           `json:"files"`   // those without a path are gone again
	Commits []Commit             `json:"commits"` // oldest first
	Burn    []int64              `json:"burn"`

	at map[string]int // where files stand
}

// late reports whether events do not lie behind what was added already.
func (s *sum) late(events []Event) bool {
	for _, e := range events {
		if counts(e) {
			return e.At.Before(s.Last.At) || e.At.Equal(s.Last.At) && e.N <= s.Last.N
		}
	}
	return false
}

// counts reports whether it matters when an event is added.
func counts(e Event) bool {
	return e.Type == TypeFile && e.Kind != KindMore || e.Type == TypeGit && e.Hash != ""
}

// add takes one more event in. Those that count come in order of time.
func (s *sum) add(e Event) {
	if counts(e) {
		s.Last = store.TimelineCursor{At: e.At, N: e.N}
	}
	switch {
	case e.Type == TypeFile && e.Kind != KindMore:
		s.file(e)
	case e.Type == TypeGit && e.Hash != "":
		s.Commits = append(s.Commits, Commit{e.Hash[:min(7, len(e.Hash))], e.Label, e.At.UTC().Format("15:04"), e.Repo})
	case e.Type == TypeMessage && e.Tokens != nil:
		if n := int(e.T/bucket) + 1; n > len(s.Burn) {
			s.Burn = append(s.Burn, make([]int64, n-len(s.Burn))...)
		}
		s.Burn[e.T/bucket] += *e.Tokens
	}
}

// sums are a copy of what was added up, of a timeline whose last event is so many
// seconds behind its begin; negative: there is none.
func (s *sum) sums(end int64) Sums {
	out := Sums{Files: make([]FileStat, 0, len(s.Files)), Commits: make([]Commit, 0, len(s.Commits)), TokenBurn: []int64{}}
	for _, f := range s.Files {
		if f.Path != "" {
			out.Files = append(out.Files, f)
		}
	}
	out.Commits = append(out.Commits, s.Commits...)
	slices.Reverse(out.Commits)
	if end >= 0 {
		out.TokenBurn = make([]int64, max(int(end/bucket)+1, len(s.Burn)))
		copy(out.TokenBurn, s.Burn)
	}
	return out
}

// file takes one change in. A file that was made and is gone again is not told;
// one that was renamed takes its figures along.
func (s *sum) file(e Event) {
	if s.at == nil { // it was stored
		s.at = make(map[string]int, len(s.Files))
		for i, f := range s.Files {
			if f.Path != "" {
				s.at[f.Path] = i
			}
		}
	}
	at := s.at
	if i, ok := at[e.From]; ok && e.From != "" && e.From != e.Label {
		if j, over := at[e.Label]; over {
			f, old := &s.Files[i], s.Files[j]
			if old.Status != "new" { // it took the place of another
				f.Ins, f.Del, f.Status = f.Ins+old.Ins, f.Del+old.Del, "mod"
			} // else it had been written there before, which the rename includes
			s.Files[j] = FileStat{}
		}
		delete(at, e.From)
		at[e.Label] = i
		s.Files[i].renamed(e)
	} else if e.From != "" && e.From != e.Label && e.Git == "" {
		switch j, known := at[e.Label]; {
		case !known:
			at[e.Label] = len(s.Files)
			s.Files = append(s.Files, FileStat{Path: e.Label, Status: "mod", From: e.From})
		case s.Files[j].Status == "new":
			s.Files[j] = FileStat{Path: e.Label, Status: "mod", From: e.From}
		default:
			s.Files[j].From = e.From
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
		if _, taken := at[f.From]; f.From != "" && !taken { // what went is the file of that name
			delete(at, e.Label)
			at[f.From] = i
			f.Path = f.From
		}
		f.From = ""
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

// renamed takes a new name; what was made in this run had none before.
func (f *FileStat) renamed(e Event) {
	if f.Path = e.Label; f.Status != "new" {
		f.From = or(f.From, e.From)
	}
	if f.From == f.Path {
		f.From = ""
	}
}

// touchedFiles makes files of what the agent's edits say, for sessions whose
// files nobody watched: unless any event is a file's.
func touchedFiles(events []Event) []Event {
	if slices.ContainsFunc(events, isFile) {
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
