package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSandboxRequests(t *testing.T) {
	var got string
	answer := "{}"
	cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %s", r.Method, r.URL.RequestURI(), strings.TrimSpace(string(b)))
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		io.WriteString(w, answer)
	})
	ctx := t.Context()
	for want, call := range map[string]func() error{
		`POST /v1/sessions {}`: func() error { _, err := cl.CreateSandbox(ctx, SandboxCreate{}); return err },
		`POST /v1/sessions {"files":[{"path":"a","file_id":"f"}],"ttl_seconds":60,"network":"open"}`: func() error {
			_, err := cl.CreateSandbox(ctx, SandboxCreate{Files: []StagedFile{{"a", "f"}}, TTL: 60, Network: SandboxNetworkOpen})
			return err
		},
		`GET /v1/sessions `:                          func() error { _, err := cl.Sandboxes(ctx); return err },
		`GET /v1/sessions/s `:                        func() error { _, err := cl.Sandbox(ctx, "s"); return err },
		`PATCH /v1/sessions/s {"ttl_seconds":9}`:     func() error { _, err := cl.ExtendSandbox(ctx, "s", 9); return err },
		`DELETE /v1/sessions/s%2F.. `:                func() error { return cl.DeleteSandbox(ctx, "s/..") },
		`POST /v1/sessions/s/bash {"cmd":""}`:        func() error { _, err := cl.Bash(ctx, "s", Bash{}); return err },
		`POST /v1/execute {"code":"1"}`:              func() error { _, err := cl.Execute(ctx, Execute{Code: "1"}); return err },
		`GET /v1/sessions/s/files?path=a+b `:         func() error { _, err := cl.SandboxFiles(ctx, "s", "a b"); return err },
		`GET /v1/sessions/s/files/a/b%20c%3F `:       func() error { return cl.GetSandboxFile(ctx, "s", "/a/b c?", io.Discard) },
		`PUT /v1/sessions/s/files/a content`:         func() error { return cl.PutSandboxFile(ctx, "s", "a", strings.NewReader("content")) },
		`DELETE /v1/sessions/s/files/a `:             func() error { return cl.DeleteSandboxFile(ctx, "s", "a") },
		`GET /v1/files `:                             func() error { _, err := cl.Uploads(ctx); return err },
		`GET /v1/files/f `:                           func() error { return cl.Download(ctx, "f", io.Discard) },
		`DELETE /v1/files/f `:                        func() error { return cl.DeleteUpload(ctx, "f") },
		`POST /v1/sessions/s/runs/r/stdin typed`:     func() error { return cl.WriteRun(ctx, "s", "r", strings.NewReader("typed")) },
		`POST /v1/sessions/s/runs/r/stdin?eof=true `: func() error { return cl.CloseRun(ctx, "s", "r") },
		`DELETE /v1/sessions/s/runs/r `:              func() error { return cl.CancelRun(ctx, "s", "r") },
		`GET /health `:                               func() error { _, err := cl.SandboxHealth(ctx); return err },
	} {
		if err := call(); err != nil || got != want {
			t.Errorf("sent %s (%v), want %s", got, err, want)
		}
	}
}

// TestUploadStreams sends more than any buffer holds, and a server that refuses
// before it has read all of it leaves nobody waiting.
func TestUploadStreams(t *testing.T) {
	const size = 8 << 20
	cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
		form, err := r.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		part, err := form.NextPart()
		if err != nil {
			t.Error(err)
			return
		}
		if part.FileName() == "big" {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			io.WriteString(w, `{"detail":"File size exceeds maximum of 1 MB"}`)
			return
		}
		n, err := io.Copy(io.Discard, part)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"file_id":"f","filename":%q,"size_bytes":%d}`, part.FileName(), n)
	})
	zeros := func() io.Reader { return io.LimitReader(zero{}, size) }
	got, err := cl.Upload(t.Context(), "dir/data.bin", zeros())
	if want := (UploadedFile{ID: "f", Name: "data.bin", Size: size}); err != nil || got != want {
		t.Errorf("uploaded %+v (%v), want %+v", got, err, want)
	}
	if _, err := cl.Upload(t.Context(), "big", zeros()); err == nil {
		t.Error("what is refused was uploaded")
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestStreamedCommand(t *testing.T) {
	two := 2
	for name, c := range map[string]struct {
		frames, fails string
		result        BashResult
	}{
		"to its end": {`event: output
data: {"stream":"stdout","data":"a\n"}

event: output
data: {"stream":"stderr","data":"b"}

event: result
data: {"exit_code":2,"timed_out":false,"duration_ms":5,"files":[],"oom_killed":true}

`, "", BashResult{ExitCode: &two, DurationMS: 5, OOMKilled: true}},
		"failed in the middle": {"event: error\ndata: {\"message\":\"The disk is full.\"}\n\n", "The disk is full.", BashResult{}},
		"cut off":              {"event: output\ndata: {\"stream\":\"stdout\",\"data\":\"a\"}\n\n", "unexpected EOF", BashResult{}},
		"not JSON":             {"event: output\ndata: x\n\n", "invalid character", BashResult{}},
	} {
		t.Run(name, func(t *testing.T) {
			cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				io.WriteString(w, "event: run\ndata: {\"run_id\":\"r1\"}\n\n"+c.frames)
			})
			var run, printed string
			got, err := cl.StreamBash(t.Context(), "s", Bash{Cmd: "x"}, func(id string) { run = id },
				func(o Output) error { printed += o.Stream + ":" + o.Data + ";"; return nil })
			if run != "r1" {
				t.Errorf("the run is called %q", run)
			}
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("%v, want an error with %q", err, c.fails)
				}
				return
			}
			if diff := cmp.Diff(c.result, got); err != nil || diff != "" || printed != "stdout:a\n;stderr:b;" {
				t.Errorf("%v, printed %q:\n%s", err, printed, diff)
			}
		})
	}
}

// TestHangingUpIsSeen: the server learns that the caller went, which is how a
// command is killed.
func TestHangingUpIsSeen(t *testing.T) {
	gone := make(chan struct{})
	cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "event: run\ndata: {\"run_id\":\"r1\"}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := cl.StreamBash(ctx, "s", Bash{Cmd: "sleep 60"}, func(string) { cancel() }, func(Output) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
	select {
	case <-gone:
	case <-time.After(30 * time.Second):
		t.Error("the server still waits")
	}
}

func TestRetryAfterIsTold(t *testing.T) {
	cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, `{"detail":"Too many sandboxes."}`)
	})
	_, err := cl.CreateSandbox(t.Context(), SandboxCreate{})
	var e *Error
	if !errors.As(err, &e) || e.RetryAfter != 7*time.Second || e.Error() != "Too many sandboxes." {
		t.Errorf("%#v", err)
	}
}
