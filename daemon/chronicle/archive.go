package chronicle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

const (
	maxVolume   = 1 << 40 // of one volume's pack: what the disk holds
	maxManifest = 64 << 10
)

// manifest is what an archive holds.
type manifest struct {
	Version int      `json:"version"` // 1
	Session string   `json:"session"`
	Run     int      `json:"run"`
	Volumes []volume `json:"volumes"`
}

type volume struct {
	Name   string `json:"name"`   // runtime.Volume…
	Digest string `json:"digest"` // of its pack
	Size   int64  `json:"size"`
}

// Archive packs the volumes of a session that does not run and gives the digest
// of the manifest, when all of it was read back. The volumes are left as they
// are. It may be called again after any interruption.
func (c *Chronicles) Archive(ctx context.Context, s store.Session) (digest string, err error) {
	m := manifest{Version: 1, Session: s.ID, Run: s.Run, Volumes: []volume{}}
	names, err := c.volumes(ctx, s)
	if err != nil {
		return "", fmt.Errorf("archive session %s: %w", s.ID, err)
	}
	var held []func()
	defer func() {
		for _, release := range held {
			release()
		}
	}()
	if len(names) > 0 {
		err = c.beside(ctx, s, func(ctx context.Context) error {
			for _, name := range names {
				b, release, err := c.put(ctx, s, wire.PackVolume+name, nil, maxVolume)
				held = append(held, release)
				if err != nil {
					return fmt.Errorf("the volume %s: %w", name, err)
				}
				m.Volumes = append(m.Volumes, volume{name, b.Digest, b.Size})
			}
			return nil
		})
	}
	if err == nil {
		digest, err = c.putManifest(ctx, s, m)
	}
	if err != nil {
		return "", fmt.Errorf("archive session %s: %w", s.ID, err)
	}
	return digest, nil
}

// putManifest stores the manifest. It is held until it is on the session's row,
// or the session is not to be archived any more: Sweep lets go of it.
func (c *Chronicles) putManifest(ctx context.Context, s store.Session, m manifest) (string, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	parts := make([]string, len(m.Volumes))
	for i, v := range m.Volumes {
		parts[i] = v.Digest
	}
	var held []func()
	for _, digest := range parts {
		release, err := c.Volumes.Blobs.Share(ctx, owner(s), owner(s), digest)
		if err != nil {
			return "", err
		}
		held = append(held, release)
	}
	b, release, err := c.Volumes.Blobs.Put(ctx, owner(s), bytes.NewReader(raw), maxManifest, parts...)
	held = append(held, release)
	c.hold(s.ID, b.Digest, func() {
		for _, r := range held {
			r()
		}
	})
	return b.Digest, err
}

// volumes names what a session has, the workspace first.
func (c *Chronicles) volumes(ctx context.Context, s store.Session) ([]string, error) {
	rt := c.Volumes.Runtime(s.Runtime)
	if rt == nil {
		return nil, fmt.Errorf("there is no runtime %q here: %w", s.Runtime, runtime.ErrUnavailable)
	}
	all, err := rt.List(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, w := range all {
		if w.ID != s.ID {
			continue
		}
		for _, name := range []string{runtime.VolumeWorkspace, runtime.VolumeHome, runtime.VolumeJournal} {
			if slices.Contains(w.Volumes, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// ErrNoArchive: what should be an archive cannot be read.
var ErrNoArchive = errors.New("the archive cannot be read")

// archived reads a session's manifest.
func (c *Chronicles) archived(ctx context.Context, s store.Session) (m manifest, err error) {
	r, _, err := c.Volumes.Blobs.Get(ctx, owner(s), s.Archive)
	if err != nil {
		return m, fmt.Errorf("%w: %w", ErrNoArchive, err)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, maxManifest))
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err == nil && (m.Version != 1 || m.Session != s.ID) {
		err = errors.New("it is another session's, or of a newer version")
	}
	if err != nil {
		return m, fmt.Errorf("%w: %w", ErrNoArchive, err)
	}
	return m, nil
}

// Restore unpacks a session's archive into fresh volumes, byte for byte. What
// an interrupted archiving or restoring left of volumes is replaced, but only
// after the archive was read from end to end.
func (c *Chronicles) Restore(ctx context.Context, s store.Session) error {
	m, err := c.archived(ctx, s)
	if err != nil {
		return fmt.Errorf("restore session %s: %w", s.ID, err)
	}
	for _, v := range m.Volumes {
		if err := c.Volumes.Blobs.Verify(ctx, owner(s), v.Digest); err != nil {
			return fmt.Errorf("restore session %s: the volume %s: %w", s.ID, v.Name, err)
		}
	}
	rt := c.Volumes.Runtime(s.Runtime)
	if rt == nil {
		return fmt.Errorf("there is no runtime %q here: %w", s.Runtime, runtime.ErrUnavailable)
	}
	if err := rt.Remove(ctx, s.ID); err != nil {
		return fmt.Errorf("restore session %s: %w", s.ID, err)
	}
	if len(m.Volumes) == 0 {
		return nil
	}
	err = c.beside(ctx, s, func(ctx context.Context) error {
		for _, v := range m.Volumes {
			if err := c.unpack(ctx, s, v); err != nil {
				return fmt.Errorf("the volume %s: %w", v.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("restore session %s: %w", s.ID, err)
	}
	return nil
}

func (c *Chronicles) unpack(ctx context.Context, s store.Session, v volume) error {
	r, _, err := c.Volumes.Blobs.Get(ctx, owner(s), v.Digest)
	if err != nil {
		return err
	}
	defer r.Close()
	return c.Volumes.Unpack(ctx, s.ID, wire.PackVolume+v.Name, v.Digest, r)
}
