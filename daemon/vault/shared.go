package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"volundr/store"
)

// everybody is whose a credential is that is shared with all of p's tenant.
func everybody(p store.Principal) store.Principal { return store.Principal{TenantID: p.TenantID} }

// ownerOf is whose a row is.
func ownerOf(row store.Credential) store.Principal {
	return store.Principal{UserID: row.OwnerID, TenantID: row.TenantID}
}

// Withheld says in a sentence why a credential is not given where whoever has
// the session could read it or choose where it is sent; empty: it is given.
func (c Credential) Withheld() string {
	if !c.Shared || c.Laid {
		return ""
	}
	return fmt.Sprintf("The credential %q is shared for models, git and pull requests, and stays with the daemon. Store one of your own with `volundr credentials set %s`, or ask an admin to share it with sessions too (`volundr credentials share %s --in-sessions`).", c.Name, c.Name, c.Name)
}

// Shared gives what is shared with all of p's tenant by name, without values.
func (v *Vault) Shared(ctx context.Context, p store.Principal) ([]Credential, error) {
	rows, err := v.DB.SharedCredentials(ctx, p)
	out := make([]Credential, len(rows))
	for i, row := range rows {
		out[i] = shown(row)
	}
	return out, err
}

// Share gives the credential of p, an admin, to all of the tenant, in place of
// one of its name that is shared already; where p has none, it changes how that
// one is shared. laid: sessions that name it are given it. The value is seen by
// nobody. store.ErrNotFound when there is neither, or p is no admin.
func (v *Vault) Share(ctx context.Context, p store.Principal, name string, laid bool) (Credential, error) {
	row, err := v.DB.Credential(ctx, p, name)
	switch {
	case err != nil:
	case row.OwnerID == "":
		row, err = v.DB.LaySharedCredential(ctx, p, name, laid)
	default:
		row.Laid = laid
		row, err = v.move(ctx, p, row, everybody(p))
	}
	return shown(row), said("share", name, err)
}

// Unshare gives a shared credential to p, an admin, alone. store.ErrNotFound when
// there is none, or p is no admin; a *store.ConflictError when p has one of its
// name.
func (v *Vault) Unshare(ctx context.Context, p store.Principal, name string) (Credential, error) {
	row, err := v.DB.Credential(ctx, everybody(p), name)
	if err == nil {
		row, err = v.move(ctx, p, row, p)
	}
	return shown(row), said("unshare", name, err)
}

// DeleteShared takes a shared credential away. store.ErrNotFound when there is
// none, or p is no admin.
func (v *Vault) DeleteShared(ctx context.Context, p store.Principal, name string) error {
	err := v.DB.DeleteSharedCredential(ctx, p, name)
	if err == nil {
		v.forgive(everybody(p), name)
	}
	return said("delete", name, err)
}

// move seals a row for another owner.
func (v *Vault) move(ctx context.Context, p store.Principal, row store.Credential, to store.Principal) (store.Credential, error) {
	values, err := v.open(ctx, row)
	if err != nil {
		return row, err
	}
	clear, err := json.Marshal(map[string]string(values))
	if err != nil {
		return row, errors.New("the values cannot be stored")
	}
	was := row.Sealed
	if row.Sealed, err = v.seal.close(ctx, clear, about(to, row.Name, row.Type)); err != nil {
		return row, err
	}
	row, err = v.DB.MoveCredential(ctx, p, row, was, to.UserID == "")
	if err == nil {
		v.forgive(everybody(p), row.Name)
		v.learnAll(to, row.Type, values)
	}
	return row, err
}

// said names the credential in an error that people do not read as it is.
func said(act, name string, err error) error {
	var sentence *sentence
	var conflict *store.ConflictError
	if err == nil || errors.As(err, &sentence) || errors.As(err, &conflict) {
		return err
	}
	return fmt.Errorf("%s credential %s: %w", act, name, err)
}
