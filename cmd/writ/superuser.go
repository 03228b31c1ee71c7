package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/cmd/writ/operator"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

const superuserEmail = "superuser@localhost"

func (c *configuration) policy() grants.Policy {
	return grants.Policy{MinLength: c.passwordMinLength, AllowCommon: c.allowCommon}
}

// checkSuperuserPassword holds a configured password to the policy that holds for everybody.
func (c *configuration) checkSuperuserPassword(origin string) []string {
	if c.superuserPassword == "" || c.passwordMinLength == 0 {
		return nil
	}
	if err := c.policy().Check(c.superuserPassword); err != nil {
		return []string{fmt.Sprintf("%s: %v", origin, err)}
	}
	return nil
}

// ensureSuperuser makes the row of the superuser agree with the configuration and returns the password if it was generated.
func (w *wiring) ensureSuperuser(ctx context.Context) (generated string, err error) {
	admin, err := w.store.Superuser(ctx)
	switch {
	case errors.Is(err, models.ErrNotFound):
		if generated, err = w.createSuperuser(ctx); !taken(err) {
			return generated, err
		}
		// Another replica, which starts at the same moment, was first; it prints what it generated.
		if admin, err = w.store.Superuser(ctx); err != nil {
			return "", err
		}
	case err != nil:
		return "", err
	}
	if admin.Username != w.superuser {
		if err := w.renameSuperuser(ctx, admin); err != nil {
			return "", fmt.Errorf("superuser %q: %w", w.superuser, err)
		}
	}
	return "", w.applyConfiguredPassword(ctx, admin)
}

// taken says that somebody else has just made the same.
func taken(err error) bool {
	_, duplicate := errors.AsType[*models.Duplicate](err)
	return duplicate || errors.Is(err, models.ErrConflict)
}

func (w *wiring) createSuperuser(ctx context.Context) (generated string, err error) {
	password := w.superuserPassword
	if password == "" {
		password = operator.GeneratePassword(w.passwordMinLength)
		generated = password
	}
	admin, err := models.NewAdmin(w.superuser, superuserEmail, "Superuser", w.now())
	if err != nil {
		return "", err
	}
	admin.Superuser = true
	if admin.PasswordHash, err = w.passwords.HashUnchecked(ctx, password); err != nil {
		return "", err
	}
	if err := w.store.CreateAdmin(ctx, admin); err != nil {
		return "", err
	}
	return generated, w.recordSuperuser(ctx, "admin.create", &admin)
}

func (w *wiring) renameSuperuser(ctx context.Context, admin models.Admin) error {
	w.logger.InfoContext(ctx, "the superuser is renamed", "from", admin.Username, "to", w.superuser)
	renamed, err := w.store.UpdateAdmin(ctx, admin.ID, func(a *models.Admin) error {
		a.Modified = w.now().UnixMilli()
		return a.SetUsername(w.superuser)
	})
	if err != nil {
		return err
	}
	return w.recordSuperuser(ctx, "admin.update", &renamed)
}

// applyConfiguredPassword replaces the stored password if the configuration has another one. Tokens issued for the old one die,
// because a changed password usually means that the old one is no longer trusted.
func (w *wiring) applyConfiguredPassword(ctx context.Context, admin models.Admin) error {
	if w.superuserPassword == "" {
		return nil
	}
	same, _, err := w.passwords.Verify(ctx, admin.PasswordHash, w.superuserPassword)
	if err != nil || same {
		return err
	}
	if err := w.setSuperuserPassword(ctx, admin.ID, w.superuserPassword); err != nil {
		return err
	}
	w.logger.InfoContext(ctx, "the superuser's password was replaced by the configured one")
	return nil
}

// setSuperuserPassword takes a password that satisfies the policy.
func (w *wiring) setSuperuserPassword(ctx context.Context, id uuid.UUID, password string) error {
	hash, err := w.passwords.HashUnchecked(ctx, password)
	if err != nil {
		return err
	}
	changed, err := w.store.UpdateAdmin(ctx, id, func(a *models.Admin) error {
		a.PasswordHash, a.PasswordChanged = hash, max(w.now().UnixMilli(), a.PasswordChanged+1)
		a.Generation++
		return nil
	})
	if err != nil {
		return err
	}
	return w.recordSuperuser(ctx, "admin.password", &changed)
}
