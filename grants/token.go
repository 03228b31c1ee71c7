package grants

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// The grant types of the wire. RFC 6749 §4.3, §4.4, §6; pin is Usergrid's.
const (
	passwordGrant          = "password"
	clientCredentialsGrant = "client_credentials"
	pinGrant               = "pin"
	refreshTokenGrant      = "refresh_token"
)

// TokenRequest is one parsed request to a token endpoint; an absent parameter is empty.
type TokenRequest struct {
	Tenant    *Tenant // nil: the management endpoint
	Dialect   Dialect
	Get       bool // a GET request
	GrantType string
	// Username is username, else email.
	Username                                  string
	Password, PIN, RefreshToken, Scope, Label string
	TTL                                       TTL
	Client                                    PresentedClient
	// Source is the caller's IP address, for throttling and the register.
	Source string

	// tried is noted on the way, for the audit trail.
	tried account
}

// Token is an issued token and the one subject it is for.
type Token struct {
	AccessToken  string
	ExpiresIn    int64 // seconds
	Scope        string
	RefreshToken string
	Claims       *claims.Claims

	User          *models.User
	Admin         *models.Admin
	ApplicationID uuid.UUID
	Organization  *models.Organization
}

// grant is one grant type. It proves who the token is for; everything else is the pipeline's.
type grant struct {
	// name is the grant_type.
	name string
	// allowed tells whether the grant is switched on at this endpoint.
	allowed func(s *Service, req *TokenRequest) error
	// prove finds the subject and checks its proof.
	prove func(ctx context.Context, s *Service, req *TokenRequest, c *client) (subject, error)
}

// subject is who a token is for, proven.
type subject struct {
	level        claims.Level
	id           uuid.UUID
	generation   int64
	tenant       *Tenant // of application users and applications
	organization *models.Organization
	user         *models.User
	admin        *models.Admin
	rights       models.Rights
	orgs         []string
	issuedBy     uuid.UUID // who authenticated
	by           *Caller   // who asked, if it was not the subject
	// spent is the refresh token that proved the subject, scope what it was for.
	spent *models.RefreshToken
	scope string
}

// Token runs one request through the pipeline: client, grant, scope, subject, lifetime, token. Errors are *Error.
func (s *Service) Token(ctx context.Context, req TokenRequest) (*Token, error) {
	token, err := s.issue(ctx, &req)
	s.auditToken(&req, token, err)
	return token, err
}

func (s *Service) issue(ctx context.Context, req *TokenRequest) (*Token, error) {
	g, err := s.grantOf(req)
	if err != nil {
		return nil, err
	}
	label, err := models.Label(req.Label)
	if err != nil {
		return nil, InvalidRequest(err.Error())
	}
	if err := s.currentFor(ctx, g.name); err != nil {
		return nil, err
	}
	c, err := s.authenticateClient(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := g.allowed(s, req); err != nil {
		return nil, err
	}
	scope, err := allowedScope(req.Scope, req.Tenant)
	if err != nil {
		return nil, err
	}
	who, err := g.prove(ctx, s, req, &c)
	if err != nil {
		return nil, err
	}
	if who.spent != nil && scope == "" {
		scope = who.scope
	}
	life, err := s.lifetime(req.TTL, who.level, who.tenant)
	if err != nil {
		return nil, err
	}
	token, err := s.mint(ctx, g.name, who, &c, minting{scope: scope, life: life, label: label, source: req.Source})
	if err != nil {
		return nil, err
	}
	if req.Scope == "" && who.spent == nil {
		token.Scope = ""
	}
	return token, s.attachRefreshToken(ctx, token, who, &c, life)
}

// grantOf finds the grant. Unknown ones are told before any credential is looked at.
func (s *Service) grantOf(req *TokenRequest) (grant, error) {
	if req.GrantType == "" {
		return grant{}, MissingParameter("grant_type")
	}
	if s.Strict && req.Get {
		return grant{}, StrictlyRefused("get_token")
	}
	atApplication := req.Tenant != nil
	switch req.GrantType {
	case passwordGrant:
		return grant{passwordGrant, passwordAllowed, provePassword}, nil
	case clientCredentialsGrant:
		return grant{clientCredentialsGrant, alwaysAllowed, proveClientCredentials}, nil
	case pinGrant:
		if atApplication && !s.Strict {
			return grant{pinGrant, passwordAllowed, provePIN}, nil
		}
	case refreshTokenGrant:
		if atApplication && !req.Get {
			return grant{refreshTokenGrant, refreshAllowed, proveRefreshToken}, nil
		}
	}
	return grant{}, UnsupportedGrant()
}

func alwaysAllowed(*Service, *TokenRequest) error { return nil }

// passwordAllowed is wire contract §2.7: OAuth 2.1 has no password grant, so strict mode wants it asked for.
func passwordAllowed(s *Service, req *TokenRequest) error {
	refused := UnauthorizedClient()
	if req.Tenant == nil {
		if s.Strict {
			return refused
		}
		return nil
	}
	setting := req.Tenant.Application.Settings.PasswordGrant
	if setting == nil && s.Strict || setting != nil && !*setting {
		return refused
	}
	return nil
}

// allowedScope checks every requested scope against the application's list and drops repetitions. RFC 6749 §3.3.
func allowedScope(requested string, t *Tenant) (string, error) {
	if requested == "" {
		return "", nil
	}
	var offered []string
	if t != nil {
		offered = t.Application.Settings.Scopes
	}
	var granted []string
	for scope := range strings.SplitSeq(requested, " ") {
		if scope == "" || slices.Contains(granted, scope) {
			continue
		}
		if !slices.Contains(offered, scope) {
			return "", InvalidScope(asciiOnly(scope))
		}
		granted = append(granted, scope)
	}
	return strings.Join(granted, " "), nil
}

// asciiOnly keeps what RFC 6749 §5.2 allows in error_description.
func asciiOnly(text string) string {
	cleaned := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, text)
	return cleaned[:min(len(cleaned), 100)]
}
