package launch

import "os"

// owner is the image's user: the engine's virtual machine maps all to it.
func owner(os.FileInfo) (uid, gid int) { return userUID, userUID }
