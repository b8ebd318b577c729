package api

import (
	"fmt"
	"math/rand/v2"

	"volundr/daemon/launch"
	"volundr/ui/client"
)

var (
	first  = []string{"amber", "brisk", "calm", "clear", "deep", "early", "fair", "keen", "lucid", "mild", "quiet", "swift", "warm", "wide"}
	second = []string{"anvil", "bellows", "birch", "ember", "falcon", "forge", "harbor", "iron", "kiln", "lantern", "quill", "rivet", "spark", "tongs"}
)

// suggest gives a name that no session has.
func suggest(taken map[string]bool) string {
	for range 50 {
		name := first[rand.IntN(len(first))] + "-" + second[rand.IntN(len(second))]
		if !taken[name] {
			return name
		}
	}
	return fmt.Sprintf("session-%d", rand.IntN(1_000_000))
}

// requestOf is a client's request as it is stored.
func requestOf(in client.SessionCreate) launch.Request {
	r := launch.Request{Agent: in.Agent, Command: in.Command, Model: in.Model, Mode: in.Mode, Env: in.Env, Network: in.Network,
		SystemPrompt: in.SystemPrompt, InitialPrompt: in.InitialPrompt, Resources: in.ResourceConfig,
		TemplateName: in.TemplateName, ProfileName: in.ProfileName, PresetID: in.PresetID, WorkspaceID: in.WorkspaceID,
		TermRestricted: in.TerminalRestricted, CredentialNames: in.CredentialNames, IntegrationIDs: in.IntegrationIDs,
		IssueID: in.IssueID, IssueURL: in.IssueURL}
	if src := in.Source; src != nil {
		r.Source = launch.Source{Type: src.Type, Repo: src.Repo, Branch: src.Branch, BaseBranch: src.BaseBranch,
			LocalPath: src.LocalPath, NodeSelector: src.NodeSelector, WritableGit: src.WritableGit}
		for _, m := range src.Paths {
			r.Source.Paths = append(r.Source.Paths, launch.MountMapping{HostPath: m.HostPath, MountPath: m.MountPath, ReadOnly: m.ReadOnly})
		}
	}
	return r
}
