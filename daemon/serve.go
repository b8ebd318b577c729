package daemon

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/term"
	"gopkg.in/natefinch/lumberjack.v2"

	"volundr/daemon/config"
)

// Serve gives the function that runs a daemon of this version until its ctx
// ends. It logs to the file of the configuration, and to standard error where
// that is a terminal, or VOLUNDR_LOG=stderr asks for it, as our image does.
func Serve(version string) func(context.Context, config.Config) error {
	return func(ctx context.Context, cfg config.Config) error {
		if err := os.MkdirAll(filepath.Dir(cfg.Paths.Log), 0o700); err != nil {
			return err
		}
		file := &lumberjack.Logger{Filename: cfg.Paths.Log, MaxSize: 10, MaxBackups: 3}
		defer file.Close()
		var out io.Writer = file
		if term.IsTerminal(int(os.Stderr.Fd())) || os.Getenv("VOLUNDR_LOG") == "stderr" {
			out = io.MultiWriter(file, os.Stderr)
		}
		log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelInfo}))
		d, err := New(ctx, cfg, version, log)
		if err != nil {
			return err
		}
		return d.Run(ctx)
	}
}
