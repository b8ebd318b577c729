package launch

import (
	"context"
	"fmt"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// Users inside a session. The broker's own, so that nothing the agent does
// touches its journal.
const (
	brokerUID = 900
	userUID   = 1000 // the image's user volundr; also the one without a name is fine
)

// core: who and what, the four parts and their commands.
func (l *Launcher) core(_ context.Context, b *build) error {
	s, r := b.session, b.request
	b.spec.ID, b.spec.Kind, b.spec.Name, b.spec.Run = s.ID, runtime.Session, s.Name, s.Run
	b.spec.Owner, b.spec.Tenant, b.spec.Created = s.OwnerID, s.TenantID, s.CreatedAt
	b.config.DaemonKey = l.key()
	b.config.Agent = wire.Agent{Kind: r.Agent, Command: r.Command, Model: r.Model, Mode: r.Mode, Env: r.Env}
	runner := func(argv ...string) []string { return append([]string{wire.Program, "runner"}, argv...) }
	b.spec.Parts = []runtime.Part{
		{Name: runtime.PartBroker, Command: []string{wire.Program, "broker"}, Dir: "/", UID: brokerUID, GID: brokerUID},
		{Name: runtime.PartAgent, Command: runner(), Dir: runtime.PathWorkspace},
		{Name: runtime.PartEditor, Command: runner(append([]string{"--"}, editor(s.ID)...)...), Dir: runtime.PathWorkspace},
		{Name: runtime.PartTerminal, Command: runner(append([]string{"--"}, terminal()...)...), Dir: runtime.PathWorkspace},
	}
	return nil
}

// editor listens on loopback and asks for no password: who gets that far came
// through the daemon's proxy, which also rewrites Host and Origin.
func editor(id string) []string {
	return []string{"code-server", "--auth", "none", "--bind-addr", fmt.Sprintf("127.0.0.1:%d", wire.EditorPort),
		"--port", fmt.Sprint(wire.EditorPort), // or a PORT in the user's environment would win
		"--disable-telemetry", "--disable-update-check", "--disable-workspace-trust", "--disable-getting-started-override",
		"--disable-proxy", // ports are shown as previews, on origins of their own
		"--app-name", "Volundr", "--cookie-suffix", id, runtime.PathWorkspace}
}

// terminal attaches every visitor to the same tmux session, so that a reload
// keeps shell and scrollback. The proxy checks Origin, so ttyd need not.
func terminal() []string {
	return []string{"ttyd", "--writable", "--interface", "lo", "--port", fmt.Sprint(wire.TerminalPort), "--ping-interval", "30",
		"--debug", "3", // errors and warnings: not each request, most of which ask for its health
		"-t", "disableLeaveAlert=true", "-t", "titleFixed=Terminal", "-t", "fontSize=14",
		"tmux", "new-session", "-A", "-s", "main"}
}
