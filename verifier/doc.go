// Package verifier checks Writ's access tokens in a resource server: offline, and still revocable.
package verifier
