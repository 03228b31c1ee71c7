package models

// SigningKey is a private key, sealed with the master key.
type SigningKey struct {
	KID     string `gorm:"primaryKey;column:kid"` // RFC 7638 thumbprint
	Alg     string
	Purpose string // one of the KeyFor constants
	State   string // one of the Key constants
	Public  []byte // JWK, public members only
	Sealed  []byte // PKCS #8, sealed; empty once the key is dropped or removed
	Created int64
	Changed int64 // when State was entered
}

// Purposes of a SigningKey.
const (
	KeyForOrdinary    = "ordinary"
	KeyForNonExpiring = "nonexpiring"
)

// States of a SigningKey, in the order of its life. Dropped is the way out of an emergency, from any state before it.
const (
	KeyAnnounced = "announced" // published, does not sign yet
	KeySigning   = "signing"
	KeyRetiring  = "retiring" // published until the last token it signed has expired
	KeyDropped   = "dropped"  // not trusted any more, and resource servers are told so
	KeyRemoved   = "removed"  // neither published nor trusted
)

// KeyChange is what the change log says of a key: the state that it has entered.
type KeyChange struct {
	State   string `json:"state"`
	Purpose string `json:"purpose"`
}
