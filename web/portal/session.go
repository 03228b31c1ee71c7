package portal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// Lives of sessions (SEC-66). A password that was given counts for a few minutes (SEC-72).
const (
	sessionLife = 12 * time.Hour
	sessionIdle = 30 * time.Minute
	provenLife  = 5 * time.Minute

	// seenEvery is how exactly idleness is measured: every request of a session but one a minute only reads.
	seenEvery = time.Minute
)

// sessionStore keeps sessions where every replica finds them.
type sessionStore interface {
	CreateSession(ctx context.Context, session models.PortalSession, instead []byte) error
	Session(ctx context.Context, hash []byte) (models.PortalSession, error)
	SessionsOf(ctx context.Context, admin uuid.UUID) ([]models.PortalSession, error)
	SeeSession(ctx context.Context, hash []byte, at int64) error
	EndSession(ctx context.Context, hash []byte) error
	EndSessionsOf(ctx context.Context, admin uuid.UUID) (int, error)
}

// idBytes of randomness make the identifier of a session.
const idBytes = 32

func newSessionID() string {
	random := make([]byte, idBytes)
	_, _ = rand.Read(random) // crypto/rand never fails
	return base64.RawURLEncoding.EncodeToString(random)
}

func sessionHash(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return sum[:]
}

// enter finds the session of the cookie. One that has ended is forgotten by the browser, too.
func (v *visit) enter() error {
	cookie, err := v.r.Cookie(v.cookieName())
	if err != nil {
		return nil //nolint:nilerr // nobody is signed in
	}
	hash := sessionHash(cookie.Value)
	session, err := v.Store.Session(v.ctx(), hash)
	if errors.Is(err, models.ErrNotFound) {
		v.dropCookie()
		return nil
	}
	if err != nil {
		return err
	}
	now := v.started.UnixMilli()
	if now-session.Seen > sessionIdle.Milliseconds() {
		return v.leave(hash)
	}
	caller, err := v.Auth.SessionCaller(v.ctx(), &session)
	var refused *grants.Error
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		return v.leave(hash)
	case err != nil:
		return err
	}
	if now-session.Seen >= seenEvery.Milliseconds() {
		if err := v.Store.SeeSession(v.ctx(), hash, now); err != nil {
			return err
		}
	}
	v.id, v.session, v.caller = cookie.Value, &session, caller
	return nil
}

// leave ends a session here and in the browser.
func (v *visit) leave(hash []byte) error {
	v.id, v.session, v.caller = "", nil, nil
	v.dropCookie()
	return v.Store.EndSession(v.ctx(), hash)
}

// begin starts a session with a new identifier; what the browser brought along is worth nothing any more, whoever put it there.
func (v *visit) begin(admin *models.Admin) error {
	if v.session != nil {
		if err := v.leave(v.session.Hash); err != nil {
			return err
		}
	}
	now := v.started.UnixMilli()
	return v.establish(admin, models.PortalSession{Created: now, Expires: now + sessionLife.Milliseconds()}, nil)
}

// renew gives the session a new identifier after the password was given once more. It does not live longer for that.
func (v *visit) renew(admin *models.Admin) error {
	return v.establish(admin, models.PortalSession{Created: v.session.Created, Expires: v.session.Expires}, v.session.Hash)
}

// establish fills in what is the same for both, stores the session and tells the browser.
func (v *visit) establish(admin *models.Admin, session models.PortalSession, instead []byte) error {
	id, now := newSessionID(), v.started.UnixMilli()
	session.Hash, session.AdminID = sessionHash(id), admin.ID
	session.Generation, session.PasswordChanged = admin.Generation, admin.PasswordChanged
	session.Source, session.Agent = v.r.RemoteAddr, models.Printable(v.r.UserAgent())
	session.Seen, session.Proven = now, now
	if err := v.Store.CreateSession(v.ctx(), session, instead); err != nil {
		if errors.Is(err, models.ErrNotFound) {
			return errSignedOut // ended meanwhile
		}
		return err
	}
	caller, err := v.Auth.SessionCaller(v.ctx(), &session)
	if err != nil {
		return err
	}
	v.id, v.session, v.caller = id, &session, caller
	v.setCookie(id, int((session.Expires-now)/time.Second.Milliseconds()))
	return nil
}

// proven tells whether the password was given a moment ago.
func (v *visit) proven() bool {
	return v.started.UnixMilli()-v.session.Proven <= provenLife.Milliseconds()
}

// cookieName has the prefix by which a browser refuses the cookie from any other host, path or plain HTTP. Plain HTTP, on this machine only, cannot
// have it.
func (p *Portal) cookieName() string {
	if p.secure {
		return "__Host-writ-portal"
	}
	return "writ-portal"
}

func (v *visit) dropCookie() { v.setCookie("", -1) }

// setCookie writes the cookie. Lax, because links in mails lead here; nothing changes by following one.
func (v *visit) setCookie(value string, seconds int) {
	v.w.Header().Del("Set-Cookie")
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // G124: Secure wherever there is TLS
		Name: v.cookieName(), Value: value, Path: "/", MaxAge: seconds, Secure: v.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
