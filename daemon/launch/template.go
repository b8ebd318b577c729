package launch

import "context"

// template: what a fresh session is furnished with before its agent, and the
// prompts. The values of templates, profiles and presets themselves stand in
// the request since the session was made. The initial prompt is no part of a
// spec: it is given to a new session as its first message.
func (l *Launcher) template(ctx context.Context, b *build) error {
	b.config.Agent.SystemPrompt = b.request.SystemPrompt
	b.config.Setup = b.request.Setup
	for _, s := range b.request.MCP {
		b.config.Agent.MCP = append(b.config.Agent.MCP, s.wire())
	}
	if err := l.checkTools(ctx, ownerOf(b.session), b.request); err != nil {
		return err
	}
	for _, f := range given(b.request) {
		b.config.Files = append(b.config.Files, f.Target())
	}
	return nil
}

// integration: the issue that the session is about, for tools in it to read.
// Validate refuses integrations, which come later.
func (l *Launcher) integration(_ context.Context, b *build) error {
	for name, value := range map[string]string{"VOLUNDR_ISSUE_ID": b.request.IssueID, "VOLUNDR_ISSUE_URL": b.request.IssueURL} {
		if value != "" {
			b.env[name] = value
		}
	}
	return nil
}
