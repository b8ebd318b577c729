package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"syscall"

	"volundr/runtime/broker/wire"
)

// maxBody bounds what is read as JSON: a program, or a command with its input.
const maxBody = 16 << 20

func (s *Sandbox) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(wire.SandboxHealth, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.state()) })
	mux.HandleFunc(wire.SandboxClaim, func(w http.ResponseWriter, req *http.Request) {
		if c, ok := read[wire.Claim](w, req); ok {
			s.tell(w, s.take(c))
		}
	})
	mux.HandleFunc(wire.SandboxDeadline, func(w http.ResponseWriter, req *http.Request) {
		if d, ok := read[wire.Deadline](w, req); ok {
			s.tell(w, s.extend(d))
		}
	})
	mux.HandleFunc(wire.SandboxEnd, func(w http.ResponseWriter, _ *http.Request) {
		s.polite.Store(true)
		s.end()
		finish(w, nil)
	})
	mux.HandleFunc(wire.SandboxRuns, s.serveRun)
	mux.HandleFunc(wire.SandboxStdin, s.serveStdin)
	mux.HandleFunc(wire.SandboxCancel, s.serveCancel)
	s.fileRoutes(mux)
	return mux
}

func (s *Sandbox) tell(w http.ResponseWriter, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, s.state())
}

func read[T any](w http.ResponseWriter, r *http.Request) (v T, ok bool) {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&v); err != nil {
		refuse(w, http.StatusBadRequest, "The body is not the JSON that is expected here.")
		return v, false
	}
	return v, true
}

// finish answers with nothing, or with the error.
func finish(w http.ResponseWriter, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// fail answers with the status that the error stands for.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, wire.ErrPath), errors.Is(err, errBeyond), errors.Is(err, errArchive), errors.Is(err, syscall.E2BIG),
		errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENAMETOOLONG):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, errEnded):
		status = http.StatusGone
	case errors.Is(err, fs.ErrNotExist):
		status = http.StatusNotFound
	case errors.Is(err, errClaimed), errors.Is(err, errRunning), errors.Is(err, errKind), errors.Is(err, fs.ErrExist), escapes(err),
		errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.ELOOP):
		status = http.StatusConflict
	case errors.Is(err, errCrowded):
		status = http.StatusServiceUnavailable
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EMFILE):
		err = fmt.Errorf("the sandbox has no room for another process: %w", err)
		status = http.StatusServiceUnavailable
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		status = http.StatusInsufficientStorage
	}
	refuse(w, status, err.Error())
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, detail string) {
	answer(w, status, wire.Problem{Detail: detail})
}
