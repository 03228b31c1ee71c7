package grants

import (
	"encoding/json"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// IntrospectionType is the JOSE header typ of a signed introspection answer. RFC 9701 §5.
const IntrospectionType = "token-introspection+jwt"

// SignIntrospection makes a signed answer of an introspection for the caller who asked. The answer stands in a claim of its own, so that
// nothing in it can be taken for a claim about the document itself (RFC 9701 §8.1).
func (s *Service) SignIntrospection(t *Tenant, caller *Caller, answer []byte) (string, error) {
	payload, err := json.Marshal(struct {
		Issuer   string          `json:"iss"`
		Audience string          `json:"aud"`
		IssuedAt int64           `json:"iat"`
		Answer   json.RawMessage `json:"token_introspection"`
	}{s.issuerAt(t), caller.audience(), s.Now().Unix(), answer})
	if err != nil {
		return "", Internal(err)
	}
	signed, err := s.Keys.SignAs(IntrospectionType, payload)
	if err != nil {
		return "", Unavailable(err)
	}
	return signed, nil
}

// ClientID is the client that a caller came by: that of his token, or his own. "" if there is none, as for the superuser by Basic.
func (c *Caller) ClientID() string {
	if c.Claims != nil {
		return c.Claims.ClientID
	}
	if c.Level == claims.Application || c.Level == claims.Organization {
		return c.audience()
	}
	return ""
}

// audience names who asked: a client by its client_id, as RFC 9701 §5 has it; admins, who have none, by their uuid.
func (c *Caller) audience() string {
	switch c.Level {
	case claims.Application:
		return models.ClientID(models.ApplicationClient, c.Tenant.Application.ID)
	case claims.Organization:
		return models.ClientID(models.OrganizationClient, c.Organization.ID)
	case claims.AdminUser, claims.ApplicationUser, claims.Guest:
	}
	return c.ID().String()
}
