package grants

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/models"
)

// Asker is in whose place somebody asks what is permitted.
type Asker string

// The askers. AsRole and AsGroup are somebody who has nothing but that role, or is a member of that group alone; in the path of a request
// ${user} is his name then.
const (
	AsGuest  Asker = "guest"
	AsClient Asker = "client" // the application's
	AsUser   Asker = "user"
	AsRole   Asker = "role"
	AsGroup  Asker = "group"
)

// Question is "may he do that?"; Who is the user, role or group that is meant.
type Question struct {
	As   Asker
	Who  uuid.UUID
	User *models.User // of AsUser
}

// Why a request is permitted or refused.
const (
	ByRule      = "rule"       // the sources say which
	ByClient    = "everything" // clients need no rule
	NoRule      = "norule"
	NoOperation = "method" // no rule is about such a method
	NoGuestRole = "noguest"
	ShutOut     = "shutout" // the user's tokens are refused
	BadPath     = "path"    // refused whoever asks; see Detail
)

// Explanation is a decision, and what it follows from.
type Explanation struct {
	Status  int // of {issuer}/authorize: 200, 401 or 403; 400 for what is no path
	Reason  string
	Detail  string
	Sources []ExplainedSource // everything that was looked at
}

// Allowed tells whether the request may pass.
func (e *Explanation) Allowed() bool { return e.Status == http.StatusOK }

// ExplainedSource is a source of rules; By are those of them that permit the request.
type ExplainedSource struct {
	models.Source

	By []string
}

// HolderSelf is the source of the one rule that everybody has about himself (wire contract §9.3).
const HolderSelf models.HolderKind = "self"

// nameInQuestion is the name of somebody who is only imagined. As a username it cannot exist, and names are text wherever they are put in.
const nameInQuestion = "${user}"

// Explain decides as Permits does and tells where the decision comes from.
func (s *Service) Explain(ctx context.Context, t *Tenant, q Question, req permission.Request) (*Explanation, error) {
	switch q.As {
	case AsClient:
		return &Explanation{Status: http.StatusOK, Reason: ByClient}, nil
	case AsGuest:
		return s.explainGuest(ctx, t, req)
	case AsUser:
		return s.explainUser(ctx, t, q.User, req)
	case AsRole, AsGroup:
		return s.explainHolder(ctx, t, q, req)
	}
	return nil, IllegalArgument("nobody is asked about")
}

func (s *Service) explainGuest(ctx context.Context, t *Tenant, req permission.Request) (*Explanation, error) {
	answer := &Explanation{Status: http.StatusUnauthorized}
	rules, err := s.Store.GuestRules(ctx, t.Application.ID)
	if errors.Is(err, models.ErrNotFound) {
		answer.Reason = NoGuestRole
		return answer, nil
	}
	if err != nil {
		return nil, failure(err)
	}
	answer.lookAt([]models.Source{{Kind: models.HolderRole, Name: "guest", Rules: rules}}, req, permission.Subject{})
	return answer.decided(s.Permits(ctx, &Caller{Level: claims.Guest}, t, req), req)
}

func (s *Service) explainUser(ctx context.Context, t *Tenant, user *models.User, req permission.Request) (*Explanation, error) {
	answer := &Explanation{Status: http.StatusForbidden}
	sources, err := s.Store.Sources(ctx, t.Application.ID, models.HolderUser, user.ID)
	if err != nil {
		return nil, failure(err)
	}
	who := permission.Subject{Username: user.Username, UUID: user.ID.String()}
	answer.lookAt(append([]models.Source{ownRule(user.ID.String())}, sources...), req, who)
	if user.Disabled || !user.Activated {
		answer.Status, answer.Reason = http.StatusUnauthorized, ShutOut
		return answer, nil
	}
	return answer.decided(s.Permits(ctx, &Caller{Level: claims.ApplicationUser, Tenant: t, User: user}, t, req), req)
}

// explainHolder asks about somebody who does not exist, so the rules of the sources are all there is to decide by.
func (s *Service) explainHolder(ctx context.Context, t *Tenant, q Question, req permission.Request) (*Explanation, error) {
	kind := models.HolderRole
	if q.As == AsGroup {
		kind = models.HolderGroup
	}
	sources, err := s.Store.Sources(ctx, t.Application.ID, kind, q.Who)
	if err != nil {
		return nil, failure(err)
	}
	answer := &Explanation{Status: http.StatusForbidden}
	allowed := answer.lookAt(append([]models.Source{ownRule(nameInQuestion)}, sources...), req, permission.Subject{Username: nameInQuestion})
	var refused error
	if !allowed {
		refused = Unauthorized(notPermitted)
	}
	return answer.decided(refused, req)
}

func ownRule(name string) models.Source {
	return models.Source{Kind: HolderSelf, Rules: []string{"get:/users/" + name}}
}

// lookAt finds the rules that permit a request; any is enough.
func (e *Explanation) lookAt(sources []models.Source, req permission.Request, who permission.Subject) (allowed bool) {
	for _, source := range sources {
		looked := ExplainedSource{Source: source}
		for _, rule := range source.Rules {
			if permission.Compile([]string{rule}).Allows(req, who) {
				looked.By = append(looked.By, rule)
				allowed = true
			}
		}
		e.Sources = append(e.Sources, looked)
	}
	return allowed
}

// decided takes over the decision of Permits. The sources only tell what it follows from: they are read a moment earlier.
func (e *Explanation) decided(refused error, req permission.Request) (*Explanation, error) {
	var known *Error
	switch {
	case refused == nil:
		e.Status, e.Reason = http.StatusOK, ByRule
	case !errors.As(refused, &known) || known.Status != http.StatusUnauthorized:
		return nil, refused
	case permission.OperationOf(req.Method) == 0:
		e.Reason = NoOperation
	default:
		e.Reason = NoRule
	}
	return e, nil
}
