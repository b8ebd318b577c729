package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"volundr/store"
)

// Values are the secret part of a credential. They do not print themselves.
type Values map[string]string

// String implements fmt.Stringer.
func (Values) String() string { return "[secret]" }

// GoString implements fmt.GoStringer.
func (Values) GoString() string { return "[secret]" }

// Format implements fmt.Formatter: no verb prints values.
func (Values) Format(f fmt.State, _ rune) { f.Write([]byte("[secret]")) }

// LogValue implements slog.LogValuer.
func (Values) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalJSON implements json.Marshaler: answers never hold values.
func (Values) MarshalJSON() ([]byte, error) { return []byte(`"[secret]"`), nil }

// Credential is what may be known of a credential without its values.
type Credential struct {
	ID        string
	Name      string
	Shared    bool // with all of the tenant, by an admin
	Laid      bool // into sessions that name it; of one's own always
	Type      string
	Keys      []string // names of the values, sorted
	Metadata  map[string]string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// InvalidError says what is wrong with a credential that was given. It is
// ErrInvalid, and holds no value.
type InvalidError struct{ Problems []string }

func (e *InvalidError) Error() string {
	return "The credential is not valid: " + strings.Join(e.Problems, "; ") + "."
}

// Unwrap sorts it.
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// TypeError names a type that there is none of.
type TypeError struct{ Type string }

func (e *TypeError) Error() string { return "Invalid secret_type: " + e.Type }

// Unwrap sorts it.
func (e *TypeError) Unwrap() error { return ErrInvalid }

var name = regexp.MustCompile(`^[a-z0-9_-]{1,100}$`)

// Put stores p's credential by its name, in place of the one before; one that is
// Shared for all of p's tenant, where p is an admin. Errors are *TypeError,
// *InvalidError and those of key and store.
func (v *Vault) Put(ctx context.Context, p store.Principal, given Credential, values Values) (Credential, error) {
	t, ok := typeOf(given.Type)
	if !ok {
		return Credential{}, &TypeError{given.Type}
	}
	owner, put := p, v.DB.PutCredential
	if given.Shared {
		owner, put = everybody(p), v.DB.PutSharedCredential
	}
	values = maps.Clone(values)
	if t.Type != Generic {
		maps.DeleteFunc(values, func(_, text string) bool { return strings.TrimSpace(text) == "" })
	}
	for _, k := range []string{"api_key", "access_token", "refresh_token", "url"} {
		if text, ok := values[k]; ok && t.Type != Generic { // pasted with a line's end
			values[k] = strings.TrimSpace(text)
		}
	}
	var problems []string
	if !name.MatchString(given.Name) {
		problems = append(problems, "the name has 1 to 100 lower-case letters, digits, - and _")
	}
	if len(given.Metadata) > maxKeys {
		problems = append(problems, fmt.Sprintf("at most %d metadata", maxKeys))
	}
	if problems = append(problems, t.problems(values)...); len(problems) > 0 {
		return Credential{}, &InvalidError{problems}
	}
	clear, err := json.Marshal(map[string]string(values))
	if err != nil {
		return Credential{}, errors.New("the values cannot be stored")
	}
	sealed, err := v.seal.close(ctx, clear, about(owner, given.Name, t.Type))
	if err != nil {
		return Credential{}, err
	}
	row, err := put(ctx, p, store.Credential{
		Name: given.Name, Laid: given.Laid, Type: t.Type, Keys: slices.Sorted(maps.Keys(values)), Metadata: given.Metadata, Sealed: sealed,
	})
	if err != nil {
		return Credential{}, fmt.Errorf("store credential %s: %w", given.Name, err)
	}
	v.forgive(owner, given.Name)
	v.learnAll(owner, t.Type, values)
	return shown(row), nil
}

// Get gives a credential with its values: p's own, else one that is shared with
// p's tenant. store.ErrNotFound when there is none.
func (v *Vault) Get(ctx context.Context, p store.Principal, name string) (Credential, Values, error) {
	row, err := v.DB.Credential(ctx, p, name)
	if err != nil {
		return Credential{}, nil, fmt.Errorf("credential %s: %w", name, err)
	}
	values, err := v.open(ctx, row)
	if err != nil {
		return Credential{}, nil, err
	}
	return shown(row), values, nil
}

func (v *Vault) open(ctx context.Context, row store.Credential) (Values, error) {
	clear, err := v.seal.open(ctx, row.Sealed, about(ownerOf(row), row.Name, row.Type))
	if said := (*sentence)(nil); errors.As(err, &said) {
		return nil, err
	}
	var values map[string]string
	if err != nil || json.Unmarshal(clear, &values) != nil {
		return nil, &sentence{"The credential " + row.Name + " cannot be opened with this installation's key. Set it again.", store.ErrConflict}
	}
	return values, nil
}

// Show gives what Get does without its values.
func (v *Vault) Show(ctx context.Context, p store.Principal, name string) (Credential, error) {
	row, err := v.DB.Credential(ctx, p, name)
	if err != nil {
		return Credential{}, fmt.Errorf("credential %s: %w", name, err)
	}
	return shown(row), nil
}

// List gives the credentials that p can use by name, without values; only those
// of a type unless that is empty.
func (v *Vault) List(ctx context.Context, p store.Principal, typ string) ([]Credential, error) {
	rows, err := v.DB.Credentials(ctx, p)
	if err != nil {
		return nil, err
	}
	out := []Credential{}
	for _, row := range rows {
		if typ == "" || row.Type == typ {
			out = append(out, shown(row))
		}
	}
	return out, nil
}

// Delete takes p's credential away. store.ErrNotFound when there is none.
func (v *Vault) Delete(ctx context.Context, p store.Principal, name string) error {
	if err := v.DB.DeleteCredential(ctx, p, name); err != nil {
		return fmt.Errorf("credential %s: %w", name, err)
	}
	v.forgive(p, name)
	return nil
}

func shown(c store.Credential) Credential {
	return Credential{c.ID, c.Name, c.OwnerID == "", c.Laid, c.Type, c.Keys, c.Metadata, c.CreatedAt, c.UpdatedAt}
}

// Reseal closes a credential for another owner, to whom it is moved. It is
// store.ErrNotFound where it cannot be opened: it could not before either.
func (v *Vault) Reseal(ctx context.Context, c store.Credential, to store.Principal) ([]byte, error) {
	clear, err := v.seal.open(ctx, c.Sealed, about(ownerOf(c), c.Name, c.Type))
	if errors.Is(err, ErrLocked) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("credential %s: %w", c.Name, store.ErrNotFound)
	}
	return v.seal.close(ctx, clear, about(to, c.Name, c.Type))
}

// about binds a sealed value to its row: one that was moved to another does not
// open.
func about(p store.Principal, name, typ string) []byte {
	b, _ := json.Marshal([]string{p.TenantID, p.UserID, name, typ})
	return b
}
