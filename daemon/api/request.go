package api

import (
	"volundr/daemon/launch"
	"volundr/daemon/source"
	"volundr/ui/client"
)

// requestOf is a client's request as it is stored.
func requestOf(in client.SessionCreate) launch.Request {
	r := launch.Request{Agent: in.Agent, Command: in.Command, Model: in.Model, Mode: in.Mode, Env: in.Env, Runtime: in.Runtime, Network: in.Network, Image: in.Image,
		SystemPrompt: in.SystemPrompt, InitialPrompt: in.InitialPrompt, Resources: in.ResourceConfig, Setup: in.SetupScripts,
		TemplateName: in.TemplateName, ProfileName: in.ProfileName, PresetID: in.PresetID, WorkspaceID: in.WorkspaceID,
		TermRestricted: in.TerminalRestricted, CredentialNames: in.CredentialNames, SecretRefs: in.EnvSecretRefs, IntegrationIDs: in.IntegrationIDs,
		IssueID: in.IssueID, IssueURL: in.IssueURL, Protected: in.ProtectedBranches, TimeToLive: in.TimeToLive}
	for _, f := range in.Files {
		r.Files = append(r.Files, source.File(f))
	}
	for _, svc := range in.Services {
		r.Services = append(r.Services, launch.Service(svc))
	}
	for _, m := range in.MCPServers {
		r.MCP = append(r.MCP, launch.MCPServer(m))
	}
	if src := in.Source; src != nil {
		r.Source = launch.Source{Type: src.Type, Repo: src.Repo, Branch: src.Branch, BaseBranch: src.BaseBranch, Folder: src.Folder,
			LocalPath: src.LocalPath, NodeSelector: src.NodeSelector, WritableGit: src.WritableGit}
		for _, m := range src.Paths {
			r.Source.Paths = append(r.Source.Paths, launch.MountMapping(m))
		}
		for _, m := range src.AdditionalRepos {
			r.Source.Additional = append(r.Source.Additional, source.Additional(m))
		}
	}
	return r
}

// createOf is a stored request as a client would send it, for a session of this
// name.
func createOf(name string, r launch.Request) client.SessionCreate {
	in := client.SessionCreate{Name: name, Agent: r.Agent, Command: r.Command, Model: r.Model, Mode: r.Mode, Env: r.Env, Runtime: r.Runtime, Network: r.Network, Image: r.Image,
		SystemPrompt: r.SystemPrompt, InitialPrompt: r.InitialPrompt, ResourceConfig: r.Resources, SetupScripts: r.Setup,
		TemplateName: r.TemplateName, ProfileName: r.ProfileName, PresetID: r.PresetID, WorkspaceID: r.WorkspaceID,
		TerminalRestricted: r.TermRestricted, CredentialNames: r.CredentialNames, EnvSecretRefs: r.SecretRefs, IntegrationIDs: r.IntegrationIDs,
		IssueID: r.IssueID, IssueURL: r.IssueURL, ProtectedBranches: r.Protected, TimeToLive: r.TimeToLive}
	for _, f := range r.Files {
		in.Files = append(in.Files, client.File(f))
	}
	for _, svc := range r.Services {
		in.Services = append(in.Services, client.Sidecar(svc))
	}
	for _, m := range r.MCP {
		in.MCPServers = append(in.MCPServers, client.MCPServer(m))
	}
	if src := r.Source; src.Type != "" {
		view := sourceView(src)
		in.Source = &view
	}
	return in
}
