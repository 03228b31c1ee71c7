package store

import (
	"bytes"
	"context"

	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// VerifyAudit checks the audit trail from the oldest entry kept to the newest: numbers without gaps, every hash, what each organization
// sees, and that both ends are where they were left. What is broken is in the answer; an error is only a failure to look.
//
// The chain has no key. It shows tampering by whoever cannot rewrite the whole rest of it; against somebody who can, compare the hash of
// the newest entry with one that was written down elsewhere.
func (s *Store) VerifyAudit(ctx context.Context) (models.AuditChain, error) {
	var found models.AuditChain
	err := s.snapshot(ctx, func(db *gorm.DB) error {
		var head auditHead
		if err := db.Where("id = 1").Take(&head).Error; err != nil {
			return err
		}
		check := auditCheck{db: db, seq: head.Before, hash: head.Anchor}
		found = models.AuditChain{First: head.Before + 1}
		if err := check.run(); err != nil {
			return err
		}
		switch {
		case check.complaint != "":
		case check.seq != head.Seq:
			check.seq++
			check.complaint = "the newest entries are missing"
		case !bytes.Equal(check.hash, head.Hash):
			check.complaint = "it is not the one that was written last"
		}
		found.Entries, found.Last, found.Hash = check.entries, head.Seq, head.Hash
		if check.complaint != "" {
			found.BrokenAt, found.Complaint = check.seq, check.complaint
		}
		return nil
	})
	return found, err
}

// auditCheck walks along the chain.
type auditCheck struct {
	db        *gorm.DB
	seq       int64 // the entry last looked at
	hash      []byte
	entries   int64
	complaint string
}

func (c *auditCheck) run() error {
	// What is numbered below the oldest entry kept does not belong there.
	var early int64
	if err := c.db.Model(&models.AuditEvent{}).Where("seq <= ?", c.seq).Count(&early).Error; err != nil {
		return err
	}
	if early > 0 {
		c.seq++
		c.complaint = "there are entries before the oldest one"
		return nil
	}
	for c.complaint == "" {
		var events []models.AuditEvent
		if err := c.db.Where("seq > ?", c.seq).Order("seq").Limit(batch).Find(&events).Error; err != nil {
			return err
		}
		if len(events) == 0 {
			return nil
		}
		if err := c.batch(events); err != nil {
			return err
		}
	}
	return nil
}

func (c *auditCheck) batch(events []models.AuditEvent) error {
	var rows []auditOrganization
	err := c.db.Where("seq BETWEEN ? AND ?", events[0].Seq, events[len(events)-1].Seq).Order("seq, organization_id").Find(&rows).Error
	if err != nil {
		return err
	}
	seen := map[int64][]auditOrganization{}
	for _, row := range rows {
		seen[row.Seq] = append(seen[row.Seq], row)
	}
	for i := range events {
		c.one(&events[i], seen[events[i].Seq])
		if c.complaint != "" {
			return nil
		}
	}
	return nil
}

func (c *auditCheck) one(e *models.AuditEvent, seen []auditOrganization) {
	missing := e.Seq != c.seq+1
	c.seq++
	switch {
	case missing:
		c.complaint = "it is missing"
	case !bytes.Equal(e.Chain(c.hash), e.Hash):
		c.complaint = "it was changed, or stands in the wrong place"
	case !sameOrganizations(e, seen):
		c.complaint = "it is shown to others than it concerns"
	}
	c.hash = e.Hash
	c.entries++
}

func sameOrganizations(e *models.AuditEvent, seen []auditOrganization) bool {
	wanted := e.SeenBy()
	if len(wanted) != len(seen) {
		return false
	}
	for i := range seen {
		if seen[i].OrganizationID != wanted[i] {
			return false
		}
	}
	return true
}
