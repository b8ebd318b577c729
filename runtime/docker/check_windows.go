package docker

import "errors"

// freeDisk: the engine's disk is inside its virtual machine.
func freeDisk(string) (uint64, error) { return 0, errors.ErrUnsupported }
