package client

import "time"

// Capabilities are what a chat's client can do, as the contract names it.
type Capabilities struct {
	SendMessage        bool `json:"send_message"`
	CLIWebsocket       bool `json:"cli_websocket"`
	SessionResume      bool `json:"session_resume"`
	Interrupt          bool `json:"interrupt"`
	SetModel           bool `json:"set_model"`
	SetThinkingTokens  bool `json:"set_thinking_tokens"`
	SetPermissionMode  bool `json:"set_permission_mode"`
	RewindFiles        bool `json:"rewind_files"`
	MCPSetServers      bool `json:"mcp_set_servers"`
	PermissionRequests bool `json:"permission_requests"`
	SlashCommands      bool `json:"slash_commands"`
	Skills             bool `json:"skills"`
}

// FileEntry is a file or a folder of a session.
type FileEntry struct {
	Name     string    `json:"name"`
	Path     string    `json:"path"` // below the root that was asked for
	Type     string    `json:"type"` // directory or file
	Size     int64     `json:"size"` // bytes; of a link: of itself
	Modified time.Time `json:"modified"`
}

// FileEntries are what lies in a folder, or came into it.
type FileEntries struct {
	Entries []FileEntry `json:"entries"`
	// Truncated tells that the folder holds more. Ours.
	Truncated bool `json:"truncated,omitempty"`
}

// FileDeleted is what was deleted.
type FileDeleted struct {
	Deleted string `json:"deleted"` // its path
}
