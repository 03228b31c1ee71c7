package grants

import (
	"context"

	"github.com/writ-auth/writ/claims"
)

// proveClientCredentials is RFC 6749 §4.4: the client, authenticated by the pipeline, is the subject.
func proveClientCredentials(_ context.Context, _ *Service, _ *TokenRequest, c *client) (subject, error) {
	who := subject{
		level: c.level(), id: c.row.ID, generation: c.row.Generation, tenant: c.tenant, organization: c.organization, issuedBy: c.row.ID,
	}
	if who.level == claims.Application {
		who.organization = &c.tenant.Organization
	}
	return who, nil
}
