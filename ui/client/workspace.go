package client

import "volundr/runtime/broker/wire"

// What an entry says of the workspace, as the session writes it.
type (
	Files        = wire.Files
	FileChange   = wire.FileChange
	Git          = wire.Git
	ShellCommand = wire.ShellCommand
	Checkpoint   = wire.Checkpoint
	Rewound      = wire.Rewound
)
