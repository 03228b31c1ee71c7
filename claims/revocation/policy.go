package revocation

import (
	"encoding/json"
	"fmt"
)

// Policy says which rules each role, group and user of an application holds, so that a resource server decides without calling home.
// The rules are those of package permission.
type Policy struct {
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`
	Epoch    string `json:"epoch"`
	Seq      int64  `json:"seq"` // of the newest change that is in it
	AsOf     int64  `json:"as_of"`

	Roles  map[string][]string `json:"roles"`            // by role name, as in the claim roles
	Groups map[string][]string `json:"groups,omitempty"` // by path: rules of the group itself; its roles are in the claim roles
	Users  map[ID][]string     `json:"users,omitempty"`  // by hashed sub: rules given to the user directly
	// Guest are the rules of callers without credentials; nil: nothing is open to them.
	Guest []string `json:"guest,omitzero"`
}

// ParsePolicy reads the payload of a verified policy. Unknown members are ignored.
func ParsePolicy(payload []byte) (*Policy, error) {
	p := new(Policy)
	if err := json.Unmarshal(payload, p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if p.Issuer == "" || p.Epoch == "" || p.IssuedAt <= 0 || p.AsOf <= 0 || p.Seq < 0 {
		return nil, fmt.Errorf("%w: a member is missing", ErrDocument)
	}
	return p, nil
}
