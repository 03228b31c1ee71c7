package main

import (
	"context"

	"github.com/writ-auth/writ/models"
)

// recordSuperuser records what the configuration or the command line did to the superuser: no request did it, so no handler can.
func (w *wiring) recordSuperuser(ctx context.Context, action string, admin *models.Admin) error {
	return w.store.AppendAudit(ctx, []models.AuditEvent{{
		Action: action, ActorLevel: models.AuditSystem, TargetKind: "admin", TargetID: admin.ID.String(), TargetName: admin.Username,
	}})
}
