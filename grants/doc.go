// Package grants is the token service: it authenticates clients and users, runs each grant through one pipeline, bounds lifetimes,
// mints and revokes tokens, and decides what a caller may do. It knows neither HTTP nor gorm: requests arrive parsed, errors
// leave as *Error values, and what it needs of the database stands in the interface Store.
//
// One file per grant fills in one hook, the proof of the subject; every shared step lives in Service.Token and cannot be
// forgotten by a grant.
//
// Hot paths read memory only: tenants and clients are cached and invalidated by the change log, the denylist is a map.
// Issuing a finite token writes nothing to the database.
package grants
