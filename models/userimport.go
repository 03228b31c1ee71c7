package models

import "github.com/google/uuid"

// ImportState is how far an import of users by the portal has come.
type ImportState string

// The states, in their order.
const (
	ImportUploading ImportState = "uploading"
	ImportChecking  ImportState = "checking" // tried without writing anything
	ImportChecked   ImportState = "checked"  // waits for somebody to say yes
	ImportRunning   ImportState = "running"
	ImportDone      ImportState = "done"
	ImportFailed    ImportState = "failed"
	ImportCancelled ImportState = "cancelled"
)

// Works tells whether a process is, or will be, at work on an import in this state.
func (s ImportState) Works() bool { return s == ImportChecking || s == ImportRunning }

// Over tells whether nothing happens any more.
func (s ImportState) Over() bool {
	return s == ImportDone || s == ImportFailed || s == ImportCancelled
}

// UserImportJob is the one import of users that an application has, or had last. It is a row, so that any replica can tell how far it is and
// take it over.
type UserImportJob struct {
	ApplicationID uuid.UUID `gorm:"primaryKey"`
	ID            uuid.UUID
	// OrganizationID and ApplicationName are for the audit trail.
	OrganizationID  uuid.UUID
	ApplicationName string

	State      ImportState
	OnConflict OnConflict
	Trusted    bool   // hashes, identifiers and dates of creation of the file are taken over
	File       string // what the browser called it
	Size       int64  // bytes
	Parts      int64  // in which it is kept
	AdminID    uuid.UUID
	AdminName  string
	Source     string // IP address of the admin
	Holder     uuid.UUID
	Lease      int64  // ms; until then no other than Holder goes on with it
	Done       int64  // bytes of the phase at hand
	Progress   string // the place and the counts of the phase at hand, as whoever does it notes them
	Problem    string // why it failed, in one word
	Created    int64
	Modified   int64
	Expires    int64 // ms; what is left then is removed
}

// TableName is gorm's hook.
func (UserImportJob) TableName() string { return "user_imports" }

// ImportPlaces are how many imports may lie in the database, uploaded and not over.
type ImportPlaces struct {
	All             int // in the whole installation
	PerOrganization int // so that no organization keeps the others waiting
}

// ImportStarter is the admin who has a checked file imported.
type ImportStarter struct {
	AdminID   uuid.UUID
	AdminName string
	Source    string // IP address
}

// UserImportPart is a part of an uploaded file, sealed.
type UserImportPart struct {
	ImportID uuid.UUID `gorm:"primaryKey"`
	Part     int64     `gorm:"primaryKey;autoIncrement:false"`
	Sealed   []byte
}

// UserImportRefusal is a line that was not imported. It holds no hash.
type UserImportRefusal struct {
	ImportID uuid.UUID `gorm:"primaryKey"`
	Line     int64     `gorm:"primaryKey;autoIncrement:false"`
	Refusal  string    // JSON
}

// ImportStep is what one batch changes of an import of the portal. It holds for the process that holds the import, and for no other.
type ImportStep struct {
	Import   uuid.UUID
	Holder   uuid.UUID
	Phase    ImportState // the state it must be in
	Lease    int64       // ms
	Done     int64
	Progress string
	Refusals []UserImportRefusal
	Next     ImportState // the state from now on; empty: the phase goes on
	Expires  int64
	Problem  string
}
