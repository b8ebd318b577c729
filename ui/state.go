package ui

import (
	"fmt"
	"strings"

	"volundr/ui/client"
)

// Look is how a session's state is shown: a word, a shape and a colour, so that
// no one of them is needed.
type Look struct {
	Word  string
	Class string // of the colour and the motion: "run", "work", "wait", "go", "off", "bad", "new"
	Shape string // of the icon
}

// LookOf gives the look of a session.
func LookOf(s client.Session) Look {
	if s.Unseen {
		return Look{"Not seen", "off", "question"}
	}
	switch s.Status {
	case client.Running:
		switch s.Activity() {
		case client.Waiting:
			if s.ReadOnly {
				return Look{"Waits for an answer", "wait", "question"}
			}
			return Look{"Waits for you", "wait", "question"}
		case client.Active, client.ToolExecuting:
			return Look{"Working", "work", "play"}
		}
		return Look{"Running", "run", "dot"}
	case client.Created:
		return Look{"Created", "new", "ring"}
	case client.Starting:
		return Look{"Starting", "go", "half"}
	case client.Provisioning:
		return Look{"Provisioning", "go", "half"}
	case client.Stopping:
		return Look{"Stopping", "go", "half"}
	case client.Stopped:
		return Look{"Stopped", "off", "square"}
	case client.Failed:
		return Look{"Failed", "bad", "cross"}
	case client.Archived:
		return Look{"Archived", "off", "box"}
	}
	return Look{s.Status, "off", "ring"}
}

// doing is what goes on in a session now, in one line.
func doing(s client.Session) string {
	switch {
	case s.Unseen:
		return s.Doing
	case s.Status == client.Failed && s.Failure != nil:
		return s.Failure.Reason
	case s.Status == client.Running && s.Activity() == client.Waiting:
		if s.ActivityText != "" {
			return s.ActivityText
		}
		return "asks for a permission"
	case s.Status == client.Running && s.Activity() != client.Idle && s.ActivityText != "":
		return s.ActivityText
	case s.Status == client.Running && s.Detail != "":
		return s.Detail
	case s.Doing != "":
		return s.Doing
	case s.Status == client.Running && s.Activity() == client.Idle:
		return "idle"
	}
	return ""
}

// ended says how a failed session's part ended, where the reason does not.
func ended(f *client.Failure) string {
	if strings.Contains(f.Reason, "exit code") {
		return ""
	}
	part := f.Part
	if part == "" {
		part = "session"
	}
	switch {
	case f.OOM:
		return fmt.Sprintf("The %s ran out of memory.", part)
	case f.ExitCode != nil:
		return fmt.Sprintf("The %s ended with exit code %d.", part, *f.ExitCode)
	}
	return ""
}

// next is what to do about a failed session.
func next(s client.Session) string {
	f := s.Failure
	switch {
	case f != nil && f.OOM:
		return "Start it again: nothing is lost. If it happens again, create the session with more memory."
	case s.Run == 0:
		return "Change what the sentence above names, then start it again."
	}
	return "Starting it again keeps the workspace, the conversation and your shells' history."
}

// place is where a session's workspace comes from, short.
func place(s client.Session) string {
	if s.Repo == "" {
		return "empty workspace"
	}
	return repoName(s.Repo)
}

// others are a session's repositories beside the first, for a title.
func others(s client.Session) string {
	var all []string
	for _, r := range s.Source.AdditionalRepos {
		one := r.Repo
		if r.Branch != "" {
			one += " on " + r.Branch
		}
		all = append(all, one)
	}
	return strings.Join(all, ", ")
}

// how is the way in which a local folder is used.
func how(s client.Session) string {
	switch s.Source.Type {
	case client.SourceCopy:
		return "copy of " + s.Source.LocalPath
	case client.SourceMount:
		return "live folder " + s.Source.LocalPath
	}
	return s.Repo
}
