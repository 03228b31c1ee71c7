package models

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
)

// ErrEntryTaken says that another token has the entry of a status list. It is an ErrConflict.
var ErrEntryTaken = fmt.Errorf("%w: the entry of the status list is taken", ErrConflict)

// StatusListSize is how many entries a new status list has: 8 KiB before compression, and tokens enough to hide one among them.
const StatusListSize = 1 << 16

// StatusList is one list of the states of tokens that do not expire (draft-ietf-oauth-status-list-21), one bit for each entry.
//
// What the public sees of a list must not tell how many tokens there are or how many were revoked. So entries are given out at random,
// a list is left when half of its entries are given out, and some of those that are not given out look revoked: decoys. Which are
// decoys follows from the salt and never changes, and no token gets one: a bit that is set stays set.
type StatusList struct {
	ID       uuid.UUID `gorm:"primaryKey"`
	Scope    string    // issuer: application uuid or ManagementScope
	Number   int64     // within the scope, from 1; it is in the list's URI
	Size     int64     // entries
	Salt     []byte
	Assigned int64 // entries given out; Size: closed
	Created  int64
}

// Open tells whether tokens may still get entries.
func (l *StatusList) Open() bool { return l.Assigned < l.Size/2 }

// Decoy tells whether an entry looks revoked though it is nobody's: one in sixteen.
func (l *StatusList) Decoy(index int64) bool {
	return decoyIn(l.decoys(index/decoysPerBlock), index)
}

// Bits is the list as it looks when nothing is revoked: decoys only. The first entry is the lowest bit of the first byte (§4.1 of the
// draft).
func (l *StatusList) Bits() []byte {
	bits := make([]byte, (l.Size+7)/8)
	var block [sha256.Size]byte
	for index := range l.Size {
		if index%decoysPerBlock == 0 {
			block = l.decoys(index / decoysPerBlock)
		}
		if decoyIn(block, index) {
			bits[index/8] |= 1 << (index % 8)
		}
	}
	return bits
}

// decoysPerBlock: each half byte of a MAC decides about one entry.
const decoysPerBlock = 2 * sha256.Size

func (l *StatusList) decoys(block int64) [sha256.Size]byte {
	mac := hmac.New(sha256.New, l.Salt)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(block))) //nolint:gosec // indices are not negative
	return [sha256.Size]byte(mac.Sum(nil))
}

func decoyIn(block [sha256.Size]byte, index int64) bool {
	place := index % decoysPerBlock
	return block[place/2]>>(4*(place%2))&0xf == 0
}
