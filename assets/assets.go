// Package assets holds the files that are built into the executable: the recipe
// of the session image, the program that runs inside sessions, and the pages'
// static files.
package assets

import (
	"embed"
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
func Image() fs.FS { return sub(image, "image") }

// Programs holds the executable that runs inside sessions, one for each
// architecture that this build was made for: volundr-session-linux-<GOARCH>.gz.
func Programs() fs.FS { return sub(broker, "broker") }

func sub(files embed.FS, dir string) fs.FS {
	s, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // the path is a constant
	}
	return s
}
