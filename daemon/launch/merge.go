package launch

import (
	"maps"

	"volundr/daemon/source"
)

// Merge lays requests over each other, of which each says only a part: of two
// values the later wins. Maps (environment, resources) are merged key by key,
// lists are taken whole. A source with a repository of its own replaces the one
// below, whatever that has beside its first. A layer that names another agent drops the model, mode
// and command of those below, which are the other one's; a branch alone is one
// of the repository below. What is given is not changed.
func Merge(layers ...Request) Request {
	var out Request
	for _, l := range layers {
		if l.Agent != "" && out.Agent != "" && l.Agent != out.Agent {
			out.Model, out.Mode, out.Command = "", "", nil
		}
		for _, v := range []struct {
			to  *string
			say string
		}{
			{&out.Agent, l.Agent}, {&out.Model, l.Model}, {&out.Mode, l.Mode}, {&out.Runtime, l.Runtime}, {&out.Network, l.Network}, {&out.Image, l.Image}, {&out.TimeToLive, l.TimeToLive},
			{&out.SystemPrompt, l.SystemPrompt}, {&out.InitialPrompt, l.InitialPrompt},
			{&out.TemplateName, l.TemplateName}, {&out.ProfileName, l.ProfileName}, {&out.PresetID, l.PresetID},
			{&out.WorkspaceID, l.WorkspaceID}, {&out.IssueID, l.IssueID}, {&out.IssueURL, l.IssueURL},
		} {
			if v.say != "" {
				*v.to = v.say
			}
		}
		for _, v := range []struct {
			to  *[]string
			say []string
		}{{&out.Command, l.Command}, {&out.Setup, l.Setup}, {&out.CredentialNames, l.CredentialNames}, {&out.SecretRefs, l.SecretRefs}, {&out.IntegrationIDs, l.IntegrationIDs}, {&out.Protected, l.Protected}} {
			if len(v.say) > 0 {
				*v.to = v.say
			}
		}
		if len(l.MCP) > 0 {
			out.MCP = l.MCP
		}
		if len(l.Services) > 0 {
			out.Services = l.Services
		}
		if len(l.Files) > 0 {
			out.Files = l.Files
		}
		out.Source = mergeSource(out.Source, l.Source)
		out.Env = mergeMap(out.Env, l.Env)
		out.Resources = mergeMap(out.Resources, l.Resources)
		out.TermRestricted = out.TermRestricted || l.TermRestricted
		if l.From != nil {
			out.From = l.From
		}
		if l.Definition != nil {
			out.Definition = l.Definition
		}
	}
	return out
}

// mergeSource: an empty git source says nothing but its branches, for that is
// what a client sends that says nothing. One without a type has that of the
// fields that it has; a folder is copied unless it is asked to be live.
func mergeSource(below, over Source) Source {
	if over.Type == "" {
		switch {
		case over.Repo != "" || len(over.Additional) > 0:
			over.Type = source.Git
		case over.LocalPath != "":
			over.Type = source.LocalCopy
		case len(over.Paths) > 0:
			over.Type = source.LocalMount
		}
	}
	nothing := over.Type == "" || over.Type == source.Git && over.Repo == "" && len(over.Additional) == 0
	switch {
	case !nothing:
		return over
	case below.Type == "":
		if over.Type == "" && over.Branch+over.BaseBranch != "" {
			over.Type = source.Git
		}
		return over
	case below.Type != source.Git:
		return below
	}
	if over.Branch != "" {
		below.Branch = over.Branch
	}
	if over.BaseBranch != "" {
		below.BaseBranch = over.BaseBranch
	}
	if over.Folder != "" {
		below.Folder = over.Folder
	}
	return below
}

func mergeMap[V any](below, over map[string]V) map[string]V {
	if len(over) == 0 {
		return below
	}
	out := maps.Clone(below)
	if out == nil {
		out = map[string]V{}
	}
	maps.Copy(out, over)
	return out
}
