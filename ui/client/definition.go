package client

import (
	"context"
	"net/url"
	"time"
)

// CodeUnconfirmed is the code of a 409 that carries a Definition.
const CodeUnconfirmed = "definition_unconfirmed"

// Definition is what a repository brings in its folder .volundr for sessions of
// it. Whoever creates one reads it in full before it is used, once for each
// content.
type Definition struct {
	Repository string             `json:"repository"`
	Commit     string             `json:"commit"`       // that it was read at; empty: a copied folder
	Hash       string             `json:"hash"`         // SessionCreate.TrustRepository, to use it; empty: it could not be read
	YAML       string             `json:"session_yaml"` // as it stands there
	Prompts    []DefinitionPrompt `json:"prompts"`
	Problems   []string           `json:"problems"` // why it cannot be used, with file and line
}

// DefinitionPrompt is a message that the chats of a repository's sessions offer.
type DefinitionPrompt struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

// SessionDefinition says which definition of its repository a session has.
type SessionDefinition struct {
	Hash   string `json:"hash"`
	Commit string `json:"commit"`
}

// Trust is what somebody said to the definition of a repository.
type Trust struct {
	ID         string    `json:"id"`
	Repository string    `json:"repository"`
	Hash       string    `json:"hash"`
	Used       bool      `json:"used"` // false: sessions are begun without it
	CreatedAt  time.Time `json:"created_at"`
}

// Trusts gives what the caller said, the last first.
func (c *Client) Trusts(ctx context.Context) ([]Trust, error) {
	return one[[]Trust](c, ctx, "GET", "/trusts", nil)
}

// ForgetTrust forgets what was said to a definition, so that it is asked again.
func (c *Client) ForgetTrust(ctx context.Context, id string) error {
	return c.Do(ctx, "DELETE", "/trusts/"+url.PathEscape(id), nil, nil)
}
