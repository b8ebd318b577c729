package client

import (
	"context"
	"net/url"
	"time"
)

// Scopes of saved prompts.
const (
	PromptGlobal  = "global"
	PromptProject = "project" // of one repository
	// PromptRepository is the scope of what a session's repository brought.
	PromptRepository = "repository"
)

// SavedPrompt is one of GET /prompts: a message that somebody keeps, to be
// inserted in a chat.
type SavedPrompt struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Content     string    `json:"content"`
	Scope       string    `json:"scope"`
	ProjectRepo *string   `json:"project_repo"` // with the scope project
	Tags        []string  `json:"tags"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// PromptSave is the body of POST /prompts, and of PUT, where what is nil stays.
type PromptSave struct {
	Name        *string   `json:"name,omitempty"`
	Content     *string   `json:"content,omitempty"`
	Scope       *string   `json:"scope,omitempty"`
	ProjectRepo *string   `json:"project_repo,omitempty"`
	Tags        *[]string `json:"tags,omitempty"`
}

// Prompts gives the saved prompts by name.
func (c *Client) Prompts(ctx context.Context) ([]SavedPrompt, error) {
	return one[[]SavedPrompt](c, ctx, "GET", "/prompts", nil)
}

// SearchPrompts gives those that fit a text, the best first.
func (c *Client) SearchPrompts(ctx context.Context, text string) ([]SavedPrompt, error) {
	return one[[]SavedPrompt](c, ctx, "GET", "/prompts/search?q="+url.QueryEscape(text), nil)
}

// AddPrompt saves a new prompt.
func (c *Client) AddPrompt(ctx context.Context, p PromptSave) (SavedPrompt, error) {
	return one[SavedPrompt](c, ctx, "POST", "/prompts", p)
}

// ChangePrompt changes what p says of a prompt.
func (c *Client) ChangePrompt(ctx context.Context, id string, p PromptSave) (SavedPrompt, error) {
	return one[SavedPrompt](c, ctx, "PUT", "/prompts/"+url.PathEscape(id), p)
}

// DeletePrompt forgets a prompt.
func (c *Client) DeletePrompt(ctx context.Context, id string) error {
	return c.Do(ctx, "DELETE", "/prompts/"+url.PathEscape(id), nil, nil)
}
