package cli

import "runtime"

const (
	isMac     = runtime.GOOS == "darwin"
	isWindows = runtime.GOOS == "windows"
)
