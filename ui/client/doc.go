// Package client is Volundr's API as Go: the JSON that it speaks (REST, event
// stream, chat), the error that it answers with, and a Client for it. The
// server, the pages, the command line and the tray share these types.
package client
