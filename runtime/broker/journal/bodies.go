package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"volundr/runtime/broker/wire"
)

const (
	bodies = "bodies"
	queue  = "queue"
)

// ErrNoBody: no body has that hash.
var ErrNoBody = errors.New("no such body")

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// PutBody keeps b on the disk and returns the hash that names it.
func (j *Journal) PutBody(b []byte) (string, error) {
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	path := j.bodyPath(hash)
	if _, err := os.Stat(path); err == nil {
		return hash, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("keep body: %w", err)
	}
	if err := writeFile(path, b); err != nil {
		return "", fmt.Errorf("keep body: %w", err)
	}
	return hash, nil
}

// Body opens the body that hash names; ErrNoBody when there is none.
func (j *Journal) Body(hash string) (*os.File, error) {
	if !hashForm.MatchString(hash) {
		return nil, ErrNoBody
	}
	f, err := os.Open(j.bodyPath(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoBody
	}
	return f, err
}

func (j *Journal) bodyPath(hash string) string {
	return filepath.Join(j.dir, bodies, hash[:2], hash)
}

// Accept keeps a prompt on the disk until its turn starts.
func (j *Journal) Accept(p wire.Prompt, order int64) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := writeFile(j.promptPath(order), b); err != nil {
		return fmt.Errorf("keep prompt: %w", err)
	}
	return nil
}

// Started forgets a prompt that Accept kept, once its turn_start is written.
func (j *Journal) Started(order int64) { os.Remove(j.promptPath(order)) }

// Waiting gives the prompts that were accepted and not started, in order.
func (j *Journal) Waiting() (prompts []wire.Prompt, orders []int64, err error) {
	names, err := filepath.Glob(filepath.Join(j.dir, queue, "*.json")) // sorted
	if err != nil {
		return nil, nil, err
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			return nil, nil, err
		}
		var p wire.Prompt
		var order int64
		if _, err := fmt.Sscanf(filepath.Base(n), "%d.json", &order); err != nil || json.Unmarshal(b, &p) != nil || p.ID == "" || j.history.Prompts[p.ID] {
			os.Remove(n)
			continue
		}
		prompts, orders = append(prompts, p), append(orders, order)
	}
	return prompts, orders, nil
}

func (j *Journal) promptPath(order int64) string {
	return filepath.Join(j.dir, queue, fmt.Sprintf("%020d.json", order))
}
