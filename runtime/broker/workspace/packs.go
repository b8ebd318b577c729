package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"volundr/runtime/broker/pack"
)

// continued lays the state that another session left into dir.
func (g git) continued(ctx context.Context, dir string, say func(string)) error {
	say("Unpacking the workspace")
	err := g.fetch(ctx, g.source.Workspace, func(r io.Reader) error {
		_, err := pack.Unpack(r, dir, g.source.Workspace, pack.WorkspaceLimits)
		return err
	})
	if err != nil {
		return fmt.Errorf("The workspace to go on with could not be unpacked (%w). %s", err, advice(err))
	}
	if err := os.Chmod(dir, 0o755); err != nil { // or nothing can be moved out of it
		return err
	}
	return g.origins(ctx, dir)
}

// remembered lays the agent's conversation of another session into the home,
// once.
func (g git) remembered(ctx context.Context, say func(string)) error {
	if _, err := os.Lstat(filepath.Join(g.at.Home, pack.ResumeFile)); err == nil || g.source.Context == "" {
		return nil
	}
	say("Unpacking the conversation")
	err := g.fetch(ctx, g.source.Context, func(r io.Reader) error {
		_, err := pack.UnpackContext(r, g.at.Home, g.source.Context, pack.ContextLimits)
		return err
	})
	if err != nil {
		return fmt.Errorf("The conversation to go on with could not be unpacked (%w). %s", err, advice(err))
	}
	return nil
}

func (g git) fetch(ctx context.Context, digest string, lay func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.at.Blobs+digest, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		return errors.New(strings.TrimSpace(string(b)))
	}
	return lay(res.Body)
}

func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "Free space on the disk and start again."
	case errors.Is(err, pack.ErrTooLarge):
		return "Reforge without what makes it so large."
	}
	return "Try again."
}
