package cli

import (
	"testing"

	"volundr/ui/client"
)

func TestWhatFollowsAPush(t *testing.T) {
	s := client.Session{Name: "fix"}
	for want, done := range map[string]client.Pushed{
		"": {Repo: "/srv/app", Folder: "app"},
		"Open a pull request: volundr sessions pr fix --create\n":            {Repo: "https://github.com/me/app"},
		"Open a pull request: volundr sessions pr fix --repo lib --create\n": {Repo: "git@github.com:me/lib", Folder: "lib"},
	} {
		if got := afterPush(s, done); got != want {
			t.Errorf("%+v: %q, want %q", done, got, want)
		}
	}
}
