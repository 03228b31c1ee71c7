package store

import (
	"strconv"
	"testing"

	"github.com/writ-auth/writ/models"
)

// The suite has every way to tamper; this is the short proof. SEC-80
func TestTamperingWithTheAuditTrailShows(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"changed":            "UPDATE audit_events SET source = 'elsewhere' WHERE seq = 2",
		"removed":            "DELETE FROM audit_events WHERE seq = 2",
		"the last removed":   "DELETE FROM audit_events WHERE seq = 3",
		"moved":              "UPDATE audit_events SET seq = 4 WHERE seq = 2",
		"added":              "INSERT INTO audit_events SELECT 4, at, 'x', result, code, count, organization_id, application_id, organizations, actor_id, actor_name, actor_level, target_kind, target_id, target_name, source, detail, hash FROM audit_events WHERE seq = 3",
		"shown to strangers": "INSERT INTO audit_organizations VALUES ('b6768a08-b5d5-11e3-a495-11ddb1de66c8', 2)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, nil)
			for i := range 3 {
				if err := s.AppendAudit(t.Context(), []models.AuditEvent{{Action: strconv.Itoa(i)}}); err != nil {
					t.Fatal(err)
				}
			}
			before, err := s.VerifyAudit(t.Context())
			if err != nil || before.Complaint != "" {
				t.Fatal(before, err)
			}
			if err := s.writer.Exec(statement).Error; err != nil {
				t.Fatal(err)
			}
			if after, err := s.VerifyAudit(t.Context()); err != nil || after.Complaint == "" {
				t.Error(after, err)
			}
		})
	}
}
