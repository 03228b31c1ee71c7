package models

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// AuditEvent is one entry of the audit trail: who did what to whom, from where and with what result. It never holds a password,
// PIN, secret or token, nor a name that somebody typed and nobody has: people type passwords into the wrong field.
//
// Entries are chained: each Hash covers the entry and the Hash before it, so that an entry that is changed, removed or moved shows.
type AuditEvent struct {
	Seq    int64 `gorm:"primaryKey;autoIncrement:false"`
	At     int64 // ms
	Action string
	Result AuditResult
	Code   string // the error code of the wire if Result is not AuditOK
	Count  int64  // how many equal events this entry stands for, 1 at least

	// OrganizationID and ApplicationID are where it happened; nil for what belongs to the whole server.
	OrganizationID *uuid.UUID
	ApplicationID  *uuid.UUID
	// Organizations are those who see the entry, sorted and separated by commas. The store fills it in: the organization itself, or those
	// whose member the admin concerned was at that moment.
	Organizations string

	ActorID    *uuid.UUID // nil: nobody who has proven who he is
	ActorName  string
	ActorLevel string // a level of the claims, "superuser", "guest" or "system"

	TargetKind string // "user", "admin", "client", "token", "key" and so on
	TargetID   string
	TargetName string

	Source string // IP address
	Detail string // a small JSON object, or empty
	Hash   []byte
}

// AuditResult is how it ended.
type AuditResult string

// The results.
const (
	AuditOK      AuditResult = "ok"
	AuditRefused AuditResult = "refused" // wrong credentials, or no right
	AuditFailed  AuditResult = "failed"  // a failure of the server: whether it happened must be looked up
)

// Levels of actors besides those of claims.
const (
	AuditGuest     = "guest"
	AuditSuperuser = "superuser"
	AuditSystem    = "system" // Writ itself
)

// AuditFilter selects entries; zero members do not restrict.
type AuditFilter struct {
	OrganizationID uuid.UUID
	ApplicationID  uuid.UUID
	Actor          string // uuid or name
	Target         string // identifier or name
	Action         string // beginning of the action
	Result         AuditResult
	From, To       int64 // ms; From is included, To is not
}

// AuditChain is what the check of the whole trail found.
type AuditChain struct {
	Entries   int64  // how many there are
	First     int64  // number of the oldest one, kept or to come
	Last      int64  // number of the newest one
	Hash      []byte // of the newest one: whoever writes it down elsewhere can prove later that nothing before it was changed
	BrokenAt  int64  // the first entry that is not as it was written; 0: none
	Complaint string // what is wrong there, empty if nothing is
}

// AuditDetail encodes the details of an entry; nothing gives "".
func AuditDetail(members map[string]any) string {
	if len(members) == 0 {
		return ""
	}
	text, err := json.Marshal(members)
	if err != nil || len(text) > maxAuditDetail {
		return `{"detail":"too large"}`
	}
	return string(text)
}

// maxAuditDetail (bytes) bounds what one entry holds.
const maxAuditDetail = 2000

// Clean makes foreign text in an entry harmless wherever it is shown: no control characters, no endless names.
func (e *AuditEvent) Clean() {
	for _, text := range []*string{&e.Action, &e.Code, &e.ActorName, &e.ActorLevel, &e.TargetKind, &e.TargetID, &e.TargetName, &e.Source} {
		*text = Printable(*text)
	}
	e.Count = max(e.Count, 1)
	if e.Result == "" {
		e.Result = AuditOK
	}
}

// auditEncoding names the encoding below; another one would need another name.
const auditEncoding = "writ-audit-1"

// Chain is the hash of the entry behind the one whose hash is before: SHA-256 of every field in order, each preceded by its length,
// so that no two entries are encoded alike.
func (e *AuditEvent) Chain(before []byte) []byte {
	fields := []string{
		auditEncoding, string(before), decimal(e.Seq), decimal(e.At), e.Action, string(e.Result), e.Code, decimal(e.Count),
		optional(e.OrganizationID), optional(e.ApplicationID), e.Organizations, optional(e.ActorID), e.ActorName, e.ActorLevel,
		e.TargetKind, e.TargetID, e.TargetName, e.Source, e.Detail,
	}
	var text []byte
	for _, field := range fields {
		text = binary.BigEndian.AppendUint32(text, uint32(len(field))) //nolint:gosec // G115: fields are short
		text = append(text, field...)
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func optional(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return id.String()
}

// SeenBy gives the organizations that see the entry.
func (e *AuditEvent) SeenBy() []uuid.UUID {
	if e.Organizations == "" {
		return nil
	}
	var ids []uuid.UUID
	for text := range strings.SplitSeq(e.Organizations, ",") {
		if id, err := uuid.Parse(text); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// String describes the outcome of a check in one line.
func (c AuditChain) String() string {
	if c.Complaint != "" {
		return fmt.Sprintf("the audit trail is broken at entry %d: %s", c.BrokenAt, c.Complaint)
	}
	return fmt.Sprintf("the audit trail is intact: %d entries, the newest is %d with hash %x", c.Entries, c.Last, c.Hash)
}
