package broker

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
)

const packJournal = wire.PackVolume + "journal"

// servePack streams a pack. It is made by the agent's runner, as the user whose
// files they are; the journal's volume is the broker's own.
func (b *Broker) servePack(w http.ResponseWriter, r *http.Request) {
	what := r.PathValue("what")
	if !b.mayPack(w, what) {
		return
	}
	if r.FormValue("checkpoint") != "" && strings.HasPrefix(what, wire.PackVolume) {
		refuse(w, http.StatusUnprocessableEntity, "Checkpoints hold the workspace and the conversation, not volumes.")
		return
	}
	out := &packed{w: w, hash: sha256.New()}
	var done pack.Outcome
	if what == packJournal {
		buf := bufio.NewWriterSize(out, 256<<10)
		sum, err := pack.Volume(b.dir).Write(r.Context(), buf, pack.VolumeLimits)
		if err == nil {
			err = buf.Flush()
		}
		done = pack.Outline(sum, err)
	} else {
		argv := []string{wire.Program, "pack"}
		checkpoint := r.FormValue("checkpoint")
		if checkpoint != "" {
			argv = []string{wire.Program, "checkpoint", "pack"}
		}
		for _, path := range r.URL.Query()["include"] {
			argv = append(argv, "-include", path)
		}
		argv = append(argv, "-agent", b.config.Agent.Kind, "-session", b.conversation(), "--")
		if checkpoint != "" {
			argv = append(argv, checkpoint)
		}
		argv = append(argv, what)
		done = b.packer(r.Context(), argv, nil, out)
	}
	out.end(done)
}

// packed is a pack on its way to the daemon: the answer begins with its first
// byte.
type packed struct {
	w     http.ResponseWriter
	hash  hash.Hash
	begun bool
}

func (p *packed) Write(b []byte) (int, error) {
	if !p.begun {
		p.begun = true
		h := p.w.Header()
		h.Set("Content-Type", "application/zstd")
		h.Set("Trailer", strings.Join([]string{wire.TrailerDigest, wire.TrailerFiles, wire.TrailerError}, ", "))
		p.w.WriteHeader(http.StatusOK)
	}
	p.hash.Write(b)
	return p.w.Write(b)
}

// end says whether the pack is whole.
func (p *packed) end(done pack.Outcome) {
	digest := hex.EncodeToString(p.hash.Sum(nil))
	err := done.Err()
	if err == nil && digest != done.Digest {
		err = errors.New("it was cut on its way")
	}
	switch {
	case !p.begun && err == nil: // no pack is empty
		refuse(p.w, http.StatusInternalServerError, "Nothing was packed.")
	case !p.begun:
		refusePack(p.w, err)
	case err != nil:
		p.w.Header().Set(wire.TrailerError, strings.Join(strings.Fields(err.Error()), " "))
	default:
		p.w.Header().Set(wire.TrailerFiles, strconv.Itoa(done.Entries))
		p.w.Header().Set(wire.TrailerDigest, digest)
	}
}

// serveUnpack lays a pack into an empty place. The daemon names its digest in
// the header or the trailer TrailerDigest; only what has it is laid.
func (b *Broker) serveUnpack(w http.ResponseWriter, r *http.Request) {
	what := r.PathValue("what")
	if what == wire.PackContext {
		refuse(w, http.StatusUnprocessableEntity, "A context is unpacked when a session's workspace is made.")
		return
	}
	if !b.mayPack(w, what) {
		return
	}
	digest := r.Header.Get(wire.TrailerDigest)
	var done pack.Outcome
	if what == packJournal {
		done = pack.Outline(pack.Place{Dir: b.dir}.Unpack(r.Body, digest, pack.VolumeLimits))
	} else {
		done = b.packer(r.Context(), []string{wire.Program, "unpack", "-digest", digest, "--", what}, r.Body, io.Discard)
	}
	if err := done.Err(); err != nil {
		refusePack(w, err)
		return
	}
	w.Header().Set(wire.TrailerDigest, done.Digest)
	w.Header().Set(wire.TrailerFiles, strconv.Itoa(done.Entries))
	w.WriteHeader(http.StatusNoContent)
}

// mayPack refuses what cannot be packed here. Volumes are at rest only in a
// helper.
func (b *Broker) mayPack(w http.ResponseWriter, what string) bool {
	switch {
	case what == wire.PackWorkspace || what == wire.PackContext:
		return true
	case !strings.HasPrefix(what, wire.PackVolume):
		refuse(w, http.StatusNotFound, fmt.Sprintf("There is no %q to pack.", what))
	case !b.config.Helper:
		refuse(w, http.StatusConflict, "Volumes are packed when nothing runs in the session. Stop it first.")
	default:
		return true
	}
	return false
}

// packer runs a command of package pack beside the agent: it reads in, where
// there is one, writes to out, and says in its last line what came of it.
func (b *Broker) packer(ctx context.Context, argv []string, in io.Reader, out io.Writer) pack.Outcome {
	fail := func(err error) pack.Outcome { return pack.Outline(pack.Sum{}, err) }
	p, err := b.runner.Start(ctx, argv, "/", nil)
	if err != nil {
		return fail(fmt.Errorf("the agent's container does not answer: %w", err))
	}
	defer p.Close()
	stop := context.AfterFunc(ctx, func() { p.Close() })
	defer stop()
	sent := make(chan error, 1)
	if in == nil {
		sent <- nil
	} else {
		go func() {
			chunks := httputil.NewChunkedWriter(p)
			_, err := io.Copy(chunks, in)
			if err == nil {
				err = chunks.Close()
			}
			if err == nil {
				_, err = io.WriteString(p, "\r\n")
			}
			if err != nil {
				p.Close() // it must not wait for the rest
			}
			sent <- err
		}()
	}
	_, err = io.Copy(out, p)
	if err != nil {
		p.Close()
	}
	exit, tail, eerr := p.Ending(ctx)
	p.Close()
	if serr := <-sent; err == nil && eerr != nil {
		err = serr
	}
	var done pack.Outcome
	lines := strings.Split(strings.TrimSpace(tail), "\n")
	last := lines[len(lines)-1]
	switch {
	case eerr == nil && exit == 0 && json.Unmarshal([]byte(last), &done) == nil:
		return done
	case err != nil:
		return fail(fmt.Errorf("it broke off: %w", err))
	case eerr != nil:
		return fail(fmt.Errorf("it broke off: %w", eerr))
	}
	return fail(fmt.Errorf("it broke off (exit %d): %.500s", exit, last))
}

// refusePack answers with what an error of packing means.
func refusePack(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	for known, code := range map[error]int{
		pack.ErrTooLarge: http.StatusRequestEntityTooLarge, pack.ErrDamaged: http.StatusUnprocessableEntity,
		pack.ErrTaken: http.StatusConflict, pack.ErrNoContext: http.StatusNotFound,
	} {
		if errors.Is(err, known) {
			status = code
		}
	}
	if pack.Outline(pack.Sum{}, err).Kind == "full" {
		status = http.StatusInsufficientStorage
	}
	refuse(w, status, err.Error())
}
