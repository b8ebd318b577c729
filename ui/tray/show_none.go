//go:build !linux && !windows && !(darwin && cgo)

package tray

import (
	"context"
	"errors"
)

func supported() error {
	return errors.New("this executable has no tray: on macOS build Volundr with cgo (`CGO_ENABLED=1 make build`)")
}

func (o Options) run(context.Context) error { return supported() }
