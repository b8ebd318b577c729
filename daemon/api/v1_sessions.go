package api

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/daemon/sandbox"
	"volundr/runtime"
	"volundr/ui/client"
)

// Time to live of a sandbox in seconds, as the contract has it.
const (
	usualTTL = 900
	mostTTL  = 86400
)

const mebi = 1 << 20

// staged are the rules of the files that a request lays into a workspace.
func staged(to *[]sandbox.Staged) func(any, []any) []fieldError {
	take := each(func() []rule {
		*to = append(*to, sandbox.Staged{})
		f := &(*to)[len(*to)-1]
		return []rule{{"path", true, text(&f.Path)}, {"file_id", true, text(&f.FileID)}}
	})
	return take
}

func (s *server) createSandbox(c echo.Context) error {
	ttl, in := usualTTL, sandbox.Creation{Request: s.Sandboxes.Standard}
	req := &in.Request
	network, memory, workspace, pids := s.Sandbox.Networks[0], int(req.Memory/mebi), int(req.Disk/mebi), int(req.PIDs)
	cpus := float64(req.CPU) / 1000
	most := s.Sandbox.Most
	if err := strict(c,
		rule{"files", false, staged(&in.Files)},
		rule{"ttl_seconds", false, whole(&ttl, 1, mostTTL)},
		rule{"network", false, choice(&network, client.SandboxNetworkNone, client.SandboxNetworkOpen)},
		rule{"memory_mb", false, whole(&memory, 16, int(most.Memory/mebi))},
		rule{"workspace_mb", false, whole(&workspace, 1, int(most.Disk/mebi))},
		rule{"cpus", false, decimal(&cpus, 0.1, float64(most.CPU)/1000)},
		rule{"pids", false, whole(&pids, 8, int(most.PIDs))},
	); err != nil {
		return err
	}
	if !slices.Contains(s.Sandbox.Networks, network) {
		return invalid(fieldError{Type: "value_error", Loc: []any{"body", "network"}, Input: network,
			Msg: fmt.Sprintf("Value error, the network %q is not allowed here: there is %s", network, strings.Join(s.Sandbox.Networks, ", "))})
	}
	in.TTL = time.Duration(ttl) * time.Second
	if network != s.Sandbox.Networks[0] {
		req.Network = runtime.Network(network)
	}
	req.Memory, req.Disk, req.PIDs = int64(memory)*mebi, int64(workspace)*mebi, int64(pids)
	req.CPU = int64(math.Round(cpus * 1000))
	made, err := s.Sandboxes.Create(c.Request().Context(), principal(c), in)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, sandboxView(made))
}

func sandboxView(x sandbox.Sandbox) client.Sandbox {
	return client.Sandbox{ID: x.Name, ExpiresAt: unix(x.Expires), CreatedAt: unix(x.Created), Network: networkOf(x.Request)}
}

func networkOf(r launch.SandboxRequest) string { return string(r.Network) }

func (s *server) listSandboxes(c echo.Context) error {
	list, err := s.Sandboxes.List(c.Request().Context(), principal(c))
	if err != nil {
		return err
	}
	out := make([]client.Sandbox, 0, len(list))
	for _, x := range list {
		out = append(out, sandboxView(x))
	}
	return c.JSON(http.StatusOK, map[string]any{"sessions": out})
}

func (s *server) getSandbox(c echo.Context) error {
	x, err := s.Sandboxes.Get(c.Request().Context(), principal(c), c.Param("sandbox"))
	if err != nil {
		return unknown(c, err, "")
	}
	return c.JSON(http.StatusOK, sandboxView(x))
}

// extendSandbox sets the deadline anew, from now.
func (s *server) extendSandbox(c echo.Context) error {
	var ttl int
	if err := strict(c, rule{"ttl_seconds", true, whole(&ttl, 1, mostTTL)}); err != nil {
		return err
	}
	x, err := s.Sandboxes.Extend(c.Request().Context(), principal(c), c.Param("sandbox"), time.Duration(ttl)*time.Second)
	if err != nil {
		return unknown(c, err, "")
	}
	return c.JSON(http.StatusOK, sandboxView(x))
}

func (s *server) deleteSandbox(c echo.Context) error {
	if err := s.Sandboxes.Delete(c.Request().Context(), principal(c), c.Param("sandbox")); err != nil {
		return unknown(c, err, "")
	}
	return c.NoContent(http.StatusNoContent)
}
