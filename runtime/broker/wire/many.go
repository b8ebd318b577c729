package wire

import (
	"time"

	"github.com/hashicorp/yamux"
)

// PortMany is no port: after the handshake the connection is a yamux session,
// and each of its streams is a connection to the broker's port like this one,
// with a handshake of its own.
const PortMany = -1

// Lane is one of the connections that a yamux session carries. What yamux calls
// Close is the end of writing: its reader would wait on.
type Lane struct{ *yamux.Stream }

// CloseWrite says that nothing more is written.
func (l Lane) CloseWrite() error { return l.Stream.Close() }

// Close ends both directions.
func (l Lane) Close() error {
	_ = l.Stream.SetReadDeadline(time.Unix(1, 0))
	return l.Stream.Close()
}
