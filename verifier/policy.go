package verifier

import (
	"github.com/writ-auth/writ/claims/revocation"
)

// policy is a policy of the issuer, ready for decisions.
type policy struct {
	document *revocation.Policy
}

// newPolicy prepares a verified policy, which must not change any more.
func newPolicy(document *revocation.Policy) *policy {
	return &policy{document: document}
}

// held is a stand-in.
type held struct{}
