package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/coder/websocket"
	"github.com/docker/docker/api/types/container"

	"volundr/runtime"
)

const (
	peerRole = "serve-in-session" // of this executable, inside a session
	peerPort = "3000"
	flood    = "flood" // the message that asks for many
)

// peer is a program that somebody develops in a session: it answers small
// requests, sends a large body, echoes messages and floods with them.
func peer(port string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) })
	mux.HandleFunc("/body", func(w http.ResponseWriter, r *http.Request) {
		block := make([]byte, 1<<20)
		w.Header().Set("Content-Length", fmt.Sprint(bodySize))
		for range bodySize / len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/socket", talk)
	srv := &http.Server{Addr: ":" + port, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return srv.ListenAndServe()
}

func talk(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	block := make([]byte, piece)
	for {
		typ, data, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if string(data) != flood {
			if c.Write(r.Context(), typ, data) != nil {
				return
			}
			continue
		}
		for range bodySize / piece {
			if c.Write(r.Context(), websocket.MessageBinary, block) != nil {
				return
			}
		}
	}
}

// buildPeer builds this program for the inside of a session.
func (b *bench) buildPeer(ctx context.Context) ([]byte, error) {
	engine, err := b.engine.ServerVersion(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "volundr-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "peer")
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", out, "volundr/daemon/bench")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+engine.Arch)
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the program for the session: %w\n%s", err, said)
	}
	return os.ReadFile(out)
}

// startPeer lays the program into a container's workspace and runs it there.
func (b *bench) startPeer(ctx context.Context, id string, program []byte) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "peer", Mode: 0o755, Size: int64(len(program))}); err != nil {
		return err
	}
	if _, err := w.Write(program); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := b.engine.CopyToContainer(ctx, id, runtime.PathWorkspace, &archive, container.CopyToContainerOptions{}); err != nil {
		return fmt.Errorf("lay the program into the session: %w", err)
	}
	e, err := b.engine.ContainerExecCreate(ctx, id, container.ExecOptions{Cmd: []string{runtime.PathWorkspace + "/peer", peerRole, peerPort}})
	if err != nil {
		return err
	}
	return b.engine.ContainerExecStart(ctx, e.ID, container.ExecStartOptions{Detach: true})
}
