// Package assets holds the files that are built into the executable: the recipe
// of the session image, the program that runs inside sessions, and the pages'
// static files.
package assets

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed all:image
var image embed.FS

// The session programs are built before the daemon is; .keep lets it compile
// without them.
//
//go:embed all:broker
var broker embed.FS

// Image is the recipe of the session image: base/ and session/, each the
// context of one build.
func Image() fs.FS {
	sub, err := fs.Sub(image, "image")
	if err != nil {
		panic(err) // the path is a constant
	}
	return sub
}

// SessionProgram gives the executable that runs inside sessions on an
// architecture (GOARCH). fs.ErrNotExist when this build was made without it.
func SessionProgram(arch string) ([]byte, error) {
	b, err := broker.ReadFile("broker/volundr-session-linux-" + arch)
	if err != nil {
		return nil, fmt.Errorf("session program for linux/%s: %w", arch, err)
	}
	return b, nil
}
