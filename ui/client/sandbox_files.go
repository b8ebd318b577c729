package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// filePath is the route of a file in a sandbox, each name of it escaped.
func filePath(id, name string) string {
	parts := strings.Split(strings.TrimPrefix(name, "/"), "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return sandboxPath(id) + "/files/" + strings.Join(parts, "/")
}

// SandboxFiles lists a folder below the workspace; "" is the workspace.
func (c *Client) SandboxFiles(ctx context.Context, id, dir string) ([]SandboxFile, error) {
	var out struct {
		Files []SandboxFile `json:"files"`
	}
	return out.Files, c.v1(ctx, http.MethodGet, sandboxPath(id)+"/files?path="+url.QueryEscape(dir), nil, &out)
}

// GetSandboxFile writes a file below the workspace to out.
func (c *Client) GetSandboxFile(ctx context.Context, id, name string, out io.Writer) error {
	return c.download(ctx, SandboxBase+filePath(id, name), out)
}

// PutSandboxFile writes a file below the workspace, and the folders above it.
func (c *Client) PutSandboxFile(ctx context.Context, id, name string, in io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.URL+SandboxBase+filePath(id, name), in)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := c.do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// DeleteSandboxFile removes a file below the workspace, or a folder with all
// that it holds.
func (c *Client) DeleteSandboxFile(ctx context.Context, id, name string) error {
	return c.v1(ctx, http.MethodDelete, filePath(id, name), nil, nil)
}

// Upload gives the daemon a file to stage, under the last part of name.
func (c *Client) Upload(ctx context.Context, name string, in io.Reader) (out UploadedFile, err error) {
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	written := make(chan struct{})
	go func() { // ends with the request, which reads or closes the pipe
		defer close(written)
		part, err := form.CreateFormFile("file", path.Base(name))
		if err == nil {
			_, err = io.Copy(part, in)
		}
		w.CloseWithError(errors.Join(err, form.Close()))
	}()
	defer func() { r.Close(); <-written }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+SandboxBase+"/files", r)
	if err != nil {
		return out, err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	res, err := c.do(req)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	return out, json.NewDecoder(res.Body).Decode(&out)
}

// Uploads gives the caller's uploaded and returned files.
func (c *Client) Uploads(ctx context.Context) ([]UploadedFile, error) {
	var out struct {
		Files []UploadedFile `json:"files"`
	}
	return out.Files, c.v1(ctx, http.MethodGet, "/files", nil, &out)
}

// Download writes an uploaded or returned file to out.
func (c *Client) Download(ctx context.Context, fileID string, out io.Writer) error {
	return c.download(ctx, SandboxBase+"/files/"+url.PathEscape(fileID), out)
}

// DeleteUpload removes an uploaded or returned file.
func (c *Client) DeleteUpload(ctx context.Context, fileID string) error {
	return c.v1(ctx, http.MethodDelete, "/files/"+url.PathEscape(fileID), nil, nil)
}

func (c *Client) download(ctx context.Context, path string, out io.Writer) error {
	res, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(out, res.Body)
	return err
}
