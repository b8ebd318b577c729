package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"volundr/ui/client"
)

// FormOf is the form that stands for a request.
func FormOf(c client.SessionCreate) Form {
	f := Form{
		Name: c.Name, Agent: c.Agent, Command: strings.Join(c.Command, " "), Model: c.Model, Mode: c.Mode,
		Prompt: c.InitialPrompt, System: c.SystemPrompt, Network: c.Network, Runtime: c.Runtime, Image: c.Image, Life: c.TimeToLive, Credentials: strings.Join(c.CredentialNames, ", "),
		Setup: strings.Join(c.SetupScripts, "\n---\n"), Source: "git", Use: "copy", Integrations: strings.Join(c.IntegrationIDs, ", "),
	}
	if raw, err := json.Marshal(c); err == nil {
		f.Base = string(raw)
	}
	if src := c.Source; src != nil {
		switch src.Type {
		case client.SourceMount:
			f.Source, f.Use, f.Folder, f.WritableGit = "folder", "live", src.LocalPath, src.WritableGit
		case client.SourceCopy:
			f.Source, f.Folder = "folder", src.LocalPath
		default:
			f.Repo, f.Branch, f.From, f.In = src.Repo, src.Branch, src.BaseBranch, src.Folder
			for _, r := range src.AdditionalRepos {
				f.More = append(f.More, Another{Repo: r.Repo, Branch: r.Branch, From: r.BaseBranch, Folder: r.Folder})
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		f.Env += k + "=" + c.Env[k] + "\n"
	}
	for _, file := range c.Files {
		f.Files += file.From
		if file.To != "" {
			f.Files += ":" + file.To
		}
		f.Files += "\n"
	}
	for _, server := range c.MCPServers {
		f.MCP += server.Line() + "\n"
	}
	for _, service := range c.Services {
		f.Services += service.Line() + "\n"
	}
	f.CPU, f.Memory, f.GPU = written(c.ResourceConfig["cpu"]), written(c.ResourceConfig["memory"]), written(c.ResourceConfig["gpu"])
	return f
}

func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// base is what the form was filled from.
func (f Form) base() (c client.SessionCreate) {
	if json.Unmarshal([]byte(f.Base), &c) != nil {
		return client.SessionCreate{}
	}
	return c
}

// folders are those that are mounted beside the workspace; they have no field.
func folders(c client.SessionCreate) []client.MountMapping {
	if c.Source == nil {
		return nil
	}
	return c.Source.Paths
}

// lines are a text as it was typed: browsers send CR LF.
func lines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// scripts are what stands between lines of ---.
func scripts(text string) (out []string) {
	var one strings.Builder
	for line := range strings.Lines(text + "\n---\n") {
		if strings.TrimSpace(line) != "---" {
			one.WriteString(line)
			continue
		}
		if s := strings.Trim(one.String(), "\n"); strings.TrimSpace(s) != "" {
			out = append(out, s)
		}
		one.Reset()
	}
	return out
}

// files are FROM or FROM:TO, one a line.
func files(text string) (out []client.File) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			from, to, _ := strings.Cut(line, ":")
			out = append(out, client.File{From: from, To: to})
		}
	}
	return out
}

// servers are MCP servers, one a line, and what is wrong with one.
func servers(text string) (out []client.MCPServer, problem string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		s, err := client.ParseMCPServer(line)
		if err != nil {
			return out, strings.ToUpper(err.Error()[:1]) + err.Error()[1:] + "."
		}
		out = append(out, s)
	}
	return out, ""
}

// services are services, one a line, and what is wrong with one.
func services(text string) (out []client.Sidecar, problem string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		s, err := client.ParseSidecar(line)
		if err != nil {
			return out, strings.ToUpper(err.Error()[:1]) + err.Error()[1:] + "."
		}
		out = append(out, s)
	}
	return out, ""
}

// set puts a resource into a request, or takes it out.
func set(resources map[string]any, name, text string) map[string]any {
	out := maps.Clone(resources)
	if text == "" {
		delete(out, name)
		if len(out) == 0 {
			return nil
		}
		return out
	}
	if out == nil {
		out = map[string]any{}
	}
	out[name] = text
	if n, err := strconv.ParseFloat(text, 64); err == nil && (name == "cpu" || name == "gpu") {
		out[name] = n
	}
	return out
}
