package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"time"

	"volundr/runtime/broker/secret"
	"volundr/runtime/broker/wire"
)

// tools takes the variables of an MCP server and becomes its program: no other
// process gets to see them.
func tools(ctx context.Context, args []string) error {
	if len(args) < 3 || args[1] != "--" {
		return errors.New("usage: volundr-session mcp NAME -- command …")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	at := secret.Here()
	at.URL += "?" + url.Values{wire.QueryMCP: {args[0]}}.Encode()
	if err := secret.Take(ctx, at); err != nil {
		return fmt.Errorf("MCP server %s: %w", args[0], err)
	}
	program, err := exec.LookPath(args[2])
	if err != nil {
		return fmt.Errorf("MCP server %s: %s is not there in the session. Install it by a setup script of the template", args[0], args[2])
	}
	return syscall.Exec(program, args[2:], os.Environ())
}
