package models

// FailureCount is how often a password or secret was wrong. Its key stands for an account, an address or both; only who has the key of
// the names can tell which.
type FailureCount struct {
	Key    string `gorm:"primaryKey"`
	Bucket int64  `gorm:"primaryKey;autoIncrement:false"` // a minute, or 0 where failures count in a row
	Count  int64
	// Expires (ms) is when they no longer count.
	Expires int64
}

// ThrottleWait says that nobody may try again before a moment.
type ThrottleWait struct {
	Key     string `gorm:"primaryKey" json:"key"`
	Expires int64  `json:"expires"` // ms; 0 in a change: the wait is over
}
