package cli

import "runtime"

const isMac = runtime.GOOS == "darwin"
