package link

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

func (b *broker) packRoutes(mux *http.ServeMux) {
	mux.HandleFunc(wire.PathPack, func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		body, ok := b.packs[r.PathValue("what")+"?"+r.URL.RawQuery]
		spoil := b.spoil
		b.mu.Unlock()
		if !ok {
			w.WriteHeader(409)
			json.NewEncoder(w).Encode(wire.Problem{Detail: "There is nothing to pack."})
			return
		}
		w.Header().Set("Trailer", strings.Join([]string{wire.TrailerDigest, wire.TrailerFiles, wire.TrailerError}, ", "))
		io.WriteString(w, body[:len(body)/2])
		http.NewResponseController(w).Flush()
		sum := sha256.Sum256([]byte(body))
		switch spoil {
		case "cut":
			panic(http.ErrAbortHandler)
		case "say":
			w.Header().Set(wire.TrailerError, "The disk of the session is full.")
			return
		case "lie":
			sum[0]++
		}
		io.WriteString(w, body[len(body)/2:])
		w.Header().Set(wire.TrailerFiles, "2")
		w.Header().Set(wire.TrailerDigest, hex.EncodeToString(sum[:]))
	})
	mux.HandleFunc(wire.PathUnpack, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		b.mu.Lock()
		defer b.mu.Unlock()
		what := r.PathValue("what")
		switch _, taken := b.unpacked[what]; {
		case err != nil:
			w.WriteHeader(400)
			return
		case taken:
			w.WriteHeader(409)
			json.NewEncoder(w).Encode(wire.Problem{Detail: "Something lies there already."})
			return
		}
		b.unpacked[what] = string(body)
		if r.Header.Get(wire.TrailerDigest) != "d1" {
			b.t.Error("no digest to check")
		}
		w.WriteHeader(204)
	})
	answer := func(route string, f func(*http.Request) (int, any)) {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			b.mu.Lock()
			defer b.mu.Unlock()
			status, v := f(r)
			w.WriteHeader(status)
			if v != nil {
				json.NewEncoder(w).Encode(v)
			}
		})
	}
	answer(wire.PathCheckpoints, func(*http.Request) (int, any) { return 200, b.points })
	answer(wire.PathLoss, func(r *http.Request) (int, any) {
		if r.PathValue("id") != "c1" {
			return 404, wire.Problem{Detail: "There is no such checkpoint."}
		}
		return 200, b.loss
	})
	answer(wire.PathRewind, func(r *http.Request) (int, any) {
		if b.health.Busy {
			return 409, wire.Problem{Detail: "A turn is under way."}
		}
		b.did = append(b.did, "rewind "+r.PathValue("id"))
		return 204, nil
	})
}

func TestAPackIsReadOnlyIfItIsWhole(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.broker.packs["workspace?"] = strings.Repeat("workspace ", 100_000)
	w.broker.packs["context?checkpoint=c1"] = "context"
	w.connected()
	read := func(what string, q url.Values) (string, error) {
		r, err := w.links.Pack(t.Context(), w.id, what, q)
		if err != nil {
			return "", err
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		return string(b), err
	}
	if got, err := read("workspace", nil); err != nil || got != w.broker.packs["workspace?"] {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if got, err := read("context", url.Values{"checkpoint": {"c1"}}); err != nil || got != "context" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := read("volume-home", nil); !errors.Is(err, store.ErrConflict) || err.Error() != "There is nothing to pack." {
		t.Errorf("a refusal: %v", err)
	}
	for _, spoil := range []string{"cut", "lie", "say"} {
		w.broker.set(func() { w.broker.spoil = spoil })
		_, err := read("workspace", nil)
		if err == nil || spoil == "say" && err.Error() != "The disk of the session is full." {
			t.Errorf("%s: %v", spoil, err)
		}
	}
}

func TestAPackIsUnpackedWhereNothingLies(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.connected()
	body := bytes.Repeat([]byte("pack "), 200_000)
	broken := errors.New("the blob is damaged")
	cut := io.MultiReader(bytes.NewReader(body[:300_000]), iotest.ErrReader(broken))
	if err := w.links.Unpack(t.Context(), w.id, "volume-home", "", cut); !errors.Is(err, broken) {
		t.Errorf("a stream that breaks off: %v", err)
	}
	w.broker.set(func() {
		if len(w.broker.unpacked) > 0 {
			t.Error("half a pack passed for whole")
		}
	})
	if err := w.links.Unpack(t.Context(), w.id, "volume-home", "d1", bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	if err := w.links.Unpack(t.Context(), w.id, "volume-home", "d1", bytes.NewReader(body)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second time: %v", err)
	}
	w.broker.set(func() {
		if w.broker.unpacked["volume-home"] != string(body) {
			t.Error("other bytes arrived")
		}
	})
}

func TestCheckpointsAreToldAndGoneBackTo(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.connected()
	w.broker.set(func() {
		w.broker.points = []wire.Checkpoint{{ID: "c1", Prompt: "p1", Took: 3, Files: 2}, {ID: "", Error: "none"}, {ID: "c\x00", Prompt: "p2"}}
		w.broker.loss = wire.Files{Changes: []wire.FileChange{{Path: "a\nb", Action: "eaten", Ins: -1}, {Path: "c", Action: "deleted", Del: 4}}, More: -2}
	})
	points, err := w.links.Checkpoints(t.Context(), w.id)
	if diff := cmp.Diff([]wire.Checkpoint{{ID: "c1", Prompt: "p1", Took: 3, Files: 2}}, points); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	loss, err := w.links.Loss(t.Context(), w.id, "c1")
	want := wire.Files{Changes: []wire.FileChange{{Path: "a b", Action: "modified"}, {Path: "c", Action: "deleted", Del: 4}}}
	if diff := cmp.Diff(want, loss); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := w.links.Loss(t.Context(), w.id, "../c9"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := w.links.Rewind(t.Context(), w.id, "c1"); err != nil {
		t.Error(err)
	}
	w.broker.set(func() { w.broker.health.Busy = true })
	if err := w.links.Rewind(t.Context(), w.id, "c1"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("while a turn runs: %v", err)
	}
}

func TestAHelperIsVisitedWhenItsRunnerAnswers(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.links.Keep(nil)
	until(t, "let go", func() bool { return w.links.session(w.id) == nil })
	w.broker.set(func() {
		w.broker.epoch, w.broker.health = "", wire.Health{Detail: "Waiting"}
		w.broker.packs["volume-home?"] = "home"
	})
	row := w.row(w.id)
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	nothing := func(context.Context) error { t.Error("called"); return nil }
	if err := w.links.Visit(soon, row, 1, nothing); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	w.broker.set(func() { w.broker.health = wire.Health{Agent: true, Editor: true, Terminal: true} })
	soon, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.links.Visit(soon, row, 2, nothing); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("of another run: %v", err)
	}
	err := w.links.Visit(t.Context(), row, 1, func(ctx context.Context) error {
		r, err := w.links.Pack(ctx, w.id, "volume-home", nil)
		if err != nil {
			return err
		}
		defer r.Close()
		if b, err := io.ReadAll(r); err != nil || string(b) != "home" {
			t.Errorf("%q, %v", b, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := w.links.Pack(t.Context(), w.id, "volume-home", nil); !errors.Is(err, ErrNotConnected) {
		t.Errorf("after it: %v", err)
	}
	if s := w.row(w.id); !s.ReadyAt.IsZero() && s.Version != row.Version {
		t.Error("a helper's health was taken for the session's")
	}
}

// connected waits until the session is.
func (w *world) connected() {
	w.t.Helper()
	until(w.t, "connected", func() bool { return w.links.volumes(w.id) != nil })
}
