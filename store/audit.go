package store

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// auditHead is the one row that the chain of the audit trail hangs on. It is locked by whoever appends or removes.
type auditHead struct {
	ID     int64
	Seq    int64  // the newest entry
	Hash   []byte // its hash
	Before int64  // the entry before the oldest one kept
	Anchor []byte // its hash
}

// TableName is gorm's hook.
func (auditHead) TableName() string { return "audit_head" }

// auditOrganization says that an organization sees an entry.
type auditOrganization struct {
	OrganizationID uuid.UUID `gorm:"primaryKey"`
	Seq            int64     `gorm:"primaryKey;autoIncrement:false"`
}

// AppendAudit adds entries to the audit trail, in this order and in one transaction. Number, hash, those who see it and, where it is
// missing, the time are filled in here.
func (s *Store) AppendAudit(ctx context.Context, events []models.AuditEvent) error {
	if len(events) == 0 {
		return nil
	}
	return s.write(ctx, func(t *transaction) error { return t.appendAudit(slices.Clone(events)) })
}

// appendAudit belongs at the end of a transaction: from here to the commit nobody else can append.
func (t *transaction) appendAudit(events []models.AuditEvent) error {
	head, err := t.auditHead()
	if err != nil {
		return err
	}
	var seen []auditOrganization
	for i := range events {
		e := &events[i]
		e.Clean()
		if e.At == 0 {
			e.At = t.now
		}
		organizations, err := t.auditOrganizations(e)
		if err != nil {
			return err
		}
		head.Seq++
		e.Seq = head.Seq
		e.Organizations = joined(organizations)
		e.Hash = e.Chain(head.Hash)
		head.Hash = e.Hash
		for _, organization := range organizations {
			seen = append(seen, auditOrganization{organization, e.Seq})
		}
	}
	if err := t.db.CreateInBatches(events, batch).Error; err != nil {
		return err
	}
	if len(seen) > 0 {
		if err := t.db.CreateInBatches(seen, batch).Error; err != nil {
			return err
		}
	}
	return t.save(&head)
}

func (t *transaction) auditHead() (auditHead, error) {
	var head auditHead
	err := t.forUpdate().Where("id = 1").Take(&head).Error
	return head, err
}

// auditOrganizations are those who see an entry: the organization where it happened. What concerns an admin himself, his logins for example,
// is seen by every organization that he is a member of now; a later membership shows nothing of earlier times, and leaving hides nothing.
func (t *transaction) auditOrganizations(e *models.AuditEvent) ([]uuid.UUID, error) {
	if e.OrganizationID != nil {
		return []uuid.UUID{*e.OrganizationID}, nil
	}
	admin := uuid.Nil
	switch {
	case e.TargetKind == "admin" && e.TargetID != "":
		admin, _ = uuid.Parse(e.TargetID) // the zero uuid is a member of nothing
	case e.ActorLevel == "admin_user" && e.ActorID != nil:
		admin = *e.ActorID
	}
	if admin == uuid.Nil {
		return nil, nil
	}
	var rows []models.Membership
	if err := t.db.Where("admin_id = ?", admin).Order("organization_id").Find(&rows).Error; err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, 0, len(rows))
	for i := range rows {
		ids = append(ids, rows[i].OrganizationID)
	}
	return ids, nil
}

func joined(ids []uuid.UUID) string {
	texts := make([]string, 0, len(ids))
	for _, id := range ids {
		texts = append(texts, id.String())
	}
	slices.Sort(texts)
	return strings.Join(texts, ",")
}

// Audit lists entries of the audit trail, newest first.
func (s *Store) Audit(ctx context.Context, filter models.AuditFilter, page models.Page) ([]models.AuditEvent, string, error) {
	by := byAudit
	if filter.OrganizationID != uuid.Nil && !models.IsUUID(filter.Actor) && !models.IsUUID(filter.Target) {
		by.time = "audit_organizations.seq" // the same number, in the order of an index: nothing is sorted
	}
	return list(audited(s.read(ctx), filter), page, by)
}

// byAudit pages by the number, which is unique and in the order of the commits; times of several replicas are not.
var byAudit = ordering[models.AuditEvent]{
	time: "audit_events.seq", descending: true,
	of: func(e *models.AuditEvent) (int64, string) { return e.Seq, e.Action },
}

// seenBy finds an entry among those that an organization sees.
const seenBy = "SELECT 1 FROM audit_organizations WHERE audit_organizations.seq = audit_events.seq AND audit_organizations.organization_id = ?"

func audited(db *gorm.DB, filter models.AuditFilter) *gorm.DB {
	db = db.Model(&models.AuditEvent{})
	actor, target := models.IsUUID(filter.Actor), models.IsUUID(filter.Target)
	switch {
	case filter.OrganizationID == uuid.Nil:
	case actor || target:
		// What one person did or met with is found by an index, and then is looked at; the other way round would be everything of the organization.
		db = db.Where("EXISTS ("+seenBy+")", filter.OrganizationID)
	default:
		db = db.Joins("JOIN audit_organizations ON audit_organizations.seq = audit_events.seq AND audit_organizations.organization_id = ?",
			filter.OrganizationID)
	}
	if filter.ApplicationID != uuid.Nil {
		db = db.Where("audit_events.application_id = ?", filter.ApplicationID)
	}
	switch { // no name has the shape of a uuid
	case actor:
		db = db.Where("audit_events.actor_id = ?", strings.ToLower(filter.Actor))
	case filter.Actor != "":
		db = db.Where("audit_events.actor_name = ?", filter.Actor)
	}
	switch {
	case target:
		db = db.Where("audit_events.target_id = ?", strings.ToLower(filter.Target))
	case filter.Target != "":
		db = db.Where("(audit_events.target_id = ? OR audit_events.target_name = ?)", filter.Target, filter.Target) // a kid, for example
	}
	if filter.Action != "" {
		db = db.Where("substr(audit_events.action, 1, ?) = ?", len([]rune(filter.Action)), filter.Action)
	}
	if filter.Result != "" {
		db = db.Where("audit_events.result = ?", filter.Result)
	}
	if filter.From != 0 {
		db = db.Where("audit_events.at >= ?", filter.From)
	}
	if filter.To != 0 {
		db = db.Where("audit_events.at < ?", filter.To)
	}
	return db
}

// LastLogins are the times (ms) of the newest logins of administrators, as far as the trail has one; with an organization, of those that it sees. It is
// one question for all of them.
func (s *Store) LastLogins(ctx context.Context, organization uuid.UUID, admins []uuid.UUID) (map[uuid.UUID]int64, error) {
	latest := "SELECT at FROM audit_events WHERE actor_id = admins.id AND action = 'admin.login' AND result = ?"
	args := []any{models.AuditOK}
	if organization != uuid.Nil {
		latest, args = latest+" AND EXISTS ("+seenBy+")", append(args, organization)
	}
	latest += " ORDER BY seq DESC LIMIT 1"
	logins := map[uuid.UUID]int64{}
	for some := range slices.Chunk(admins, batch) {
		var rows []struct {
			ID uuid.UUID
			At *int64
		}
		if err := s.read(ctx).Raw("SELECT id, ("+latest+") AS at FROM admins WHERE id IN ?", append(slices.Clone(args), some)...).Scan(&rows).Error; err != nil {
			return nil, classify(err)
		}
		for _, row := range rows {
			if row.At != nil {
				logins[row.ID] = *row.At
			}
		}
	}
	return logins, nil
}

// PruneAudit removes up to limit entries that are older than the retention, and answers how many. It removes from the beginning only and
// remembers the hash of the last one removed, so that the chain can still be checked from the oldest entry kept.
func (s *Store) PruneAudit(ctx context.Context, limit int) (int, error) {
	if s.auditRetention <= 0 {
		return 0, nil
	}
	before := s.now().Add(-s.auditRetention).UnixMilli()
	count := 0
	err := s.write(ctx, func(t *transaction) error {
		count = 0
		head, err := t.auditHead()
		if err != nil {
			return err
		}
		var oldest []models.AuditEvent
		if err := t.db.Select("seq", "at", "hash").Order("seq").Limit(limit).Find(&oldest).Error; err != nil {
			return err
		}
		for i := range oldest {
			if oldest[i].At >= before {
				break
			}
			count, head.Before, head.Anchor = i+1, oldest[i].Seq, oldest[i].Hash
		}
		if count == 0 {
			return nil
		}
		if err := t.db.Where("seq <= ?", head.Before).Delete(&models.AuditEvent{}).Error; err != nil {
			return err
		}
		return t.save(&head)
	})
	return count, err
}
