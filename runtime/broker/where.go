package broker

import (
	"context"
	"encoding/json"
	"maps"
	"path"
	"slices"

	"volundr/runtime/broker/wire"
)

// maxWhere bounds what is answered, in bytes.
const maxWhere = 256 << 10

// where asks the agent's container in which folders Claude Code gave its
// commands: it is written down there, and its protocol does not tell.
func (b *Broker) where(ctx context.Context, session string, calls []string) map[string]string {
	res, err := b.runner.Run(ctx, wire.Command{Argv: append([]string{wire.Program, "where", session}, calls...), Dir: "/", TimeoutMS: 2000, Limit: maxWhere})
	dirs := map[string]string{}
	if err != nil || res.Exit != 0 || json.Unmarshal(res.Stdout, &dirs) != nil {
		b.log.Debug("Folders of commands are not known", "error", err, "exit", res.Exit, "stderr", string(res.Stderr))
		return nil
	}
	maps.DeleteFunc(dirs, func(id, dir string) bool { return !slices.Contains(calls, id) || !path.IsAbs(dir) || len(dir) > 4096 })
	return dirs
}
