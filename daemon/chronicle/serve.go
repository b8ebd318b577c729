package chronicle

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Packs serves, to the session that a request comes from, the packs that its
// stored launch request names, and no others: /blobs/<digest>.
func (c *Chronicles) Packs() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		digest, ok := strings.CutPrefix(r.URL.Path, wire.OutsideBlobs)
		id := link.SessionFrom(r.Context())
		if !ok || id == "" || digest == "" || r.Method != http.MethodGet || c.Volumes.Blobs == nil {
			refuse(w, http.StatusNotFound, "This session has no such pack.")
			return
		}
		s, err := c.db.SystemSession(r.Context(), id)
		if from := asked(s).From; err != nil || digest != from.Workspace && digest != from.Context {
			refuse(w, http.StatusNotFound, "This session has no such pack.")
			return
		}
		body, blob, err := c.Volumes.Blobs.Get(r.Context(), owner(s), digest)
		if err != nil {
			c.Log.Warn("A pack was not given to its session", "session", id, "digest", digest, "error", err)
			status, text := http.StatusInternalServerError, "The pack cannot be read: "+err.Error()
			if errors.Is(err, store.ErrNotFound) {
				status, text = http.StatusNotFound, "The pack is not stored any more."
			}
			refuse(w, status, text)
			return
		}
		defer body.Close()
		w.Header().Set("Content-Type", "application/zstd")
		w.Header().Set("Content-Length", strconv.FormatInt(blob.Size, 10))
		if _, err := io.Copy(w, body); err != nil {
			c.Log.Warn("A pack broke off", "session", id, "digest", digest, "error", err)
			panic(http.ErrAbortHandler) // what came must not pass for all of it
		}
	})
}

func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(wire.Problem{Detail: detail})
}
