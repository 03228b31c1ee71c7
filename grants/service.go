package grants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// Config is what a Service needs. Every field is required unless it says otherwise.
type Config struct {
	PublicURL   string // scheme://host[:port]; base of every issuer
	TokenTTL    int64  // ms, default lifetime and ceiling where the application sets none
	NonExpiring bool   // whether ttl=0 is allowed
	Strict      bool   // compat=strict
	Superuser   string // name of the superuser
	// RefreshGrace is how long a refresh token that was used may be used again by the same client, as long as nobody has used what it was
	// given for it. Zero: presenting a used one ends its family.
	RefreshGrace time.Duration
	// AdminConfirmation demands a confirmed e-mail address of admins before they log in.
	AdminConfirmation bool
	// AdminApproval makes new admins wait for the superuser.
	AdminApproval bool
	// KeepTokensOnPasswordChange lets older tokens live when a password changes; off by default.
	KeepTokensOnPasswordChange bool
	// AuditUserLogins records every login of an application user; without it only failures are.
	AuditUserLogins bool

	Store     Store
	Keys      Keys
	Passwords *Passwords
	Secrets   *Secrets
	Audit     Audit // nil: nobody listens
	// ThrottleSecret keys the names under which failed attempts are shared with other processes; nil: this one is alone.
	ThrottleSecret []byte
	Now            func() time.Time
	Logger         *slog.Logger
}

// Service is the token service. It is safe for concurrent use.
type Service struct {
	Config

	manager    *manage.Manager
	tenants    *tenants
	rights     *rights
	denylist   *denylist
	throttle   *throttle
	management string

	statusLists *statusLists
}

// New makes a Service and loads the denylist. Apply must have been subscribed to the change log before tokens are served;
// denials that arrive twice do no harm.
func New(ctx context.Context, cfg Config) (*Service, error) {
	s := &Service{
		Config:     cfg,
		tenants:    newTenants(cfg.Store, cfg.PublicURL),
		rights:     newRights(cfg.Store),
		denylist:   newDenylist(cfg.Now),
		throttle:   newThrottle(cfg.Now),
		management: cfg.PublicURL + "/management",

		statusLists: newStatusLists(),
	}
	if cfg.ThrottleSecret != nil {
		s.throttle.shared = newShared(cfg.ThrottleSecret, cfg.Now)
		waits, err := cfg.Store.ThrottleWaits(ctx)
		if err != nil {
			return nil, fmt.Errorf("loading the waits after failed attempts: %w", err)
		}
		for _, wait := range waits {
			s.throttle.apply(wait)
		}
	}
	s.manager = s.newManager()
	if err := cfg.Store.Denials(ctx, s.denylist.addToken, s.denylist.addSubject); err != nil {
		return nil, fmt.Errorf("loading the denylist: %w", err)
	}
	return s, nil
}

// Apply learns of one change: it drops what is cached of the changed thing and extends the denylist.
func (s *Service) Apply(change models.Change) {
	switch change.Kind {
	case models.ChangeTokenDenied:
		decodeDetail(s, change, s.denyToken)
	case models.ChangeSubjectDenied:
		decodeDetail(s, change, s.denylist.addSubject)
	case models.ChangeOrganization, models.ChangeApplication, models.ChangeClient:
		withKey(s, change, s.tenants.invalidate)
		if change.Kind == models.ChangeApplication {
			s.forgetLists(change.Key)
		}
	case models.ChangeUser:
		withKey(s, change, s.rights.forgetUser)
	case models.ChangeRights:
		withKey(s, change, s.rights.forgetApplication)
	case models.ChangeStatusList:
		s.forgetLists(change.Key)
	case models.ChangeKey:
		// Keys reload themselves; what the old ones have signed is signed anew.
		s.statusLists.dropAll(func(string, *scopeLists) bool { return true })
	case models.ChangeThrottle:
		decodeDetail(s, change, s.throttle.apply)
	case models.ChangeAdmin, models.ChangeClaims, models.ChangePolicy:
		// Admins are read live; the others are for the feed.
	}
}

func (s *Service) denyToken(row models.DeniedToken) {
	s.denylist.addToken(row)
	if row.Expires == nil { // only tokens that do not expire are on lists
		s.forgetLists(row.Scope)
	}
}

func withKey(s *Service, change models.Change, forget func(uuid.UUID)) {
	id, err := uuid.Parse(change.Key)
	if err != nil {
		s.Logger.Error("change log entry without a uuid", "seq", change.Seq, "kind", change.Kind)
		return
	}
	forget(id)
}

func decodeDetail[T any](s *Service, change models.Change, add func(T)) {
	var row T
	if err := json.Unmarshal([]byte(change.Detail), &row); err != nil {
		s.Logger.Error("change log entry cannot be read", "seq", change.Seq, "kind", change.Kind, "cause", err)
		return
	}
	add(row)
}

// Ready tells whether a token can be issued: there is a key, and the database answers.
func (s *Service) Ready(ctx context.Context) error {
	if !s.Keys.Ready() {
		return errors.New("no signing key")
	}
	if err := s.Store.Current(ctx); err != nil {
		return err
	}
	_, err := s.Store.Superuser(ctx)
	return err
}

// ManagementIssuer is the issuer of organization and admin tokens.
func (s *Service) ManagementIssuer() string { return s.management }

// Issuer is the issuer of an application's tokens, made of canonical names.
func (s *Service) Issuer(organization, application string) string {
	return s.PublicURL + "/" + organization + "/" + application
}

// Tenant finds an application and its organization by names or uuids; an organization of "-" stands for "by the application's uuid
// alone". models.ErrNotFound says that one of them is unknown or deleted.
func (s *Service) Tenant(ctx context.Context, organizationRef, applicationRef string) (*Tenant, error) {
	return s.tenants.find(ctx, organizationRef, applicationRef)
}

// failure turns an error of the store into the answer it deserves.
func failure(err error) *Error {
	var known *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.Is(err, models.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Unavailable(err)
	default:
		return Internal(err)
	}
}
