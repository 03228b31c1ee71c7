package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/writ-auth/writ/models"
)

const (
	// subjectGrace (ms) is added to the longest lifetime: the lifetime is rounded up to a second, and clocks differ by a minute.
	subjectGrace = 61_000
	// denialGrace (s) is how long denials are kept behind their end: resource servers may allow a minute behind exp, and the clock of the replica
	// that prunes may be ahead.
	denialGrace = 600
)

// subject is whose tokens a generation denies.
type subject struct {
	id          uuid.UUID
	scope       string
	application *uuid.UUID // whose longest lifetime counts
	refreshes   bool       // may have refresh tokens
}

// raise compares generations; if it has risen, everything the older ones signed is denied.
func (t *transaction) raise(who subject, before, after int64) error {
	if after < before {
		return fmt.Errorf("generation of %s falls from %d to %d", who.id, before, after)
	}
	if after == before {
		return nil
	}
	ttl, err := t.longestTTL(who.application)
	if err != nil {
		return err
	}
	denied := models.DeniedSubject{
		Subject: who.id, Scope: who.scope, Generation: after, Expires: t.subjectExpiry(ttl), Created: t.now,
	}
	if err := t.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&denied).Error; err != nil {
		return err
	}
	if err := t.announce(models.ChangeSubjectDenied, who.id.String(), denied); err != nil {
		return err
	}
	if _, err := t.revokeRegistered(t.forUpdate().Where("subject = ?", who.id)); err != nil {
		return err
	}
	if !who.refreshes {
		return nil
	}
	return t.db.Where("user_id = ?", who.id).Delete(&models.RefreshToken{}).Error
}

// longestTTL is the longest lifetime (ms) that tokens of a subject may ever have been given.
func (t *transaction) longestTTL(application *uuid.UUID) (int64, error) {
	// Nobody must raise them before the denial that they decide about is there.
	server, err := serverTTL(t.forShare())
	if err != nil || application == nil {
		return server, err
	}
	row, err := one[models.Application](t.forShare(), "id = ?", *application)
	return max(server, row.LongestTTL), err
}

// subjectExpiry (s) is when the last token with a lifetime of at most ttl (ms) that was issued until now has ended.
func (t *transaction) subjectExpiry(ttl int64) *int64 {
	if ttl >= forever {
		return nil
	}
	return new((t.now + ttl + subjectGrace + 999) / 1000)
}

// DenyToken refuses one token from now on. Denying it again changes nothing. If it is registered it is marked as revoked.
func (s *Store) DenyToken(ctx context.Context, token models.DeniedToken) error {
	return s.write(ctx, func(t *transaction) error {
		err := t.db.Model(&models.RegisteredToken{}).Where("jti = ? AND revoked IS NULL", token.JTI).Update("revoked", t.now).Error
		if err != nil {
			return err
		}
		denied := token
		if denied.Created == 0 {
			denied.Created = t.now
		}
		result := t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&denied)
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
		return t.announce(models.ChangeTokenDenied, denied.JTI, denied)
	})
}

// Denials gives every denial that still matters, token by token and subject by subject, without holding them all in memory. A
// denial is given, and kept, ten minutes longer than the tokens it concerns: clocks differ.
func (s *Store) Denials(ctx context.Context, token func(models.DeniedToken), denied func(models.DeniedSubject)) error {
	return s.denials(ctx, token, denied, "1 = 1")
}

// DenialsOf is Denials for one issuer: an application's uuid or models.ManagementScope.
func (s *Store) DenialsOf(
	ctx context.Context, scope string, token func(models.DeniedToken), denied func(models.DeniedSubject),
) error {
	return s.denials(ctx, token, denied, "scope = ?", scope)
}

func (s *Store) denials(
	ctx context.Context, token func(models.DeniedToken), denied func(models.DeniedSubject), condition string, args ...any,
) error {
	condition, args = condition+" AND (expires IS NULL OR expires > ?)", append(args, s.denialsSince())
	var one models.DeniedToken
	err := s.stream(ctx, func() { token(one) }, []any{&one.JTI, &one.Scope, &one.Expires, &one.Created},
		"SELECT jti, scope, expires, created FROM denied_tokens WHERE "+condition, args...)
	if err != nil {
		return err
	}
	var who models.DeniedSubject
	return s.stream(ctx, func() { denied(who) }, []any{&who.Subject, &who.Scope, &who.Generation, &who.Expires, &who.Created},
		"SELECT subject, scope, generation, expires, created FROM denied_subjects WHERE "+condition, args...)
}

func (s *Store) denialsSince() int64 { return s.now().Unix() - denialGrace }

// stream reads rows without gorm's reflection: there may be millions. Scan gives a new address to each nullable column, so
// each may keep what it was given.
func (s *Store) stream(ctx context.Context, each func(), columns []any, query string, args ...any) error {
	rows, err := s.read(ctx).Raw(query, args...).Rows()
	if err != nil {
		return classify(err)
	}
	defer func(rows *sql.Rows) { _ = rows.Close() }(rows)
	for rows.Next() {
		if err := rows.Scan(columns...); err != nil {
			return err
		}
		each()
	}
	return classify(rows.Err())
}

// PruneDenials removes up to limit expired denials, refresh tokens, links, sessions and imports in one transaction, and answers how many. Fewer than
// limit means that none is left.
func (s *Store) PruneDenials(ctx context.Context, limit int) (int, error) {
	count := 0
	err := s.write(ctx, func(t *transaction) error {
		count = 0
		for _, table := range []struct {
			name, key string
			before    int64
		}{
			{"denied_tokens", "jti", s.denialsSince()},
			{"denied_subjects", "subject", s.denialsSince()},
			{"claim_changes", "subject", s.denialsSince()},
			{"refresh_tokens", "hash", t.now},
			{"link_tokens", "hash", t.now},
			{"portal_sessions", "hash", t.now},
			{"user_imports", "id", t.now}, // with what was uploaded
			{"failure_counts", "key", t.now},
			{"throttle_waits", "key", t.now},
		} {
			expired := t.db.Table(table.name).Select(table.key).Where("expires <= ?", table.before).Order("expires").Limit(limit - count)
			// The second condition is asked again when somebody has just prolonged one of them.
			result := t.db.Exec("DELETE FROM "+table.name+" WHERE "+table.key+" IN (?) AND expires <= ?", expired, table.before)
			if result.Error != nil {
				return result.Error
			}
			count += int(result.RowsAffected)
			if count >= limit {
				return nil
			}
		}
		return nil
	})
	return count, err
}

// denyTokens denies tokens that no denial names yet.
func (t *transaction) denyTokens(tokens []models.DeniedToken) error {
	if len(tokens) == 0 {
		return nil
	}
	if err := t.db.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(tokens, batch).Error; err != nil {
		return err
	}
	for _, token := range tokens {
		if err := t.announce(models.ChangeTokenDenied, token.JTI, token); err != nil {
			return err
		}
	}
	return nil
}

// revokeRegistered revokes and denies the live ones among the registered tokens of a query.
func (t *transaction) revokeRegistered(query *gorm.DB) (int, error) {
	var live []models.RegisteredToken
	if err := query.Where("revoked IS NULL").Order("issued, jti").Find(&live).Error; err != nil {
		return 0, err
	}
	denied := make([]models.DeniedToken, 0, len(live))
	jtis := make([]string, 0, len(live))
	for i := range live {
		scope := models.ManagementScope
		if live[i].ApplicationID != nil {
			scope = live[i].ApplicationID.String()
		}
		jtis = append(jtis, live[i].JTI)
		denied = append(denied, models.DeniedToken{JTI: live[i].JTI, Scope: scope, Created: t.now})
	}
	for start := 0; start < len(jtis); start += batch {
		part := jtis[start:min(start+batch, len(jtis))]
		err := t.db.Model(&models.RegisteredToken{}).Where("jti IN ?", part).Update("revoked", t.now).Error
		if err != nil {
			return 0, err
		}
	}
	return len(live), t.denyTokens(denied)
}
