package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/grants/feed"
)

const (
	// writePatience is how long one event may take to be written: whoever reads more slowly is cut off.
	writePatience = 10 * time.Second
	// retryFull is what is said to those for whom there is no place.
	retryFull = 5 * time.Second
	// recheck is how often the credentials of a stream are looked at again.
	recheck = 10 * time.Second
)

// streamFeed answers by server-sent events until somebody ends it.
func (s *Server) streamFeed(r *request, view feed.View, tenant *grants.Tenant, query feedQuery) error {
	leave, err := s.enterFeed(r)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := s.untilShutdown(r.ctx())
	defer cancel()

	var follower *feed.Follower
	if query.positioned {
		follower, err = s.Feed.Follow(ctx, view, query.position)
	} else {
		err = feed.ErrGap
	}
	if err != nil && !errors.Is(err, feed.ErrGap) {
		return feedError(err)
	}
	events := r.openEvents()
	if r.Request().Method == http.MethodHead {
		if follower != nil {
			follower.Close()
		}
		return nil
	}
	if follower == nil {
		events.gone()
		return nil
	}
	defer follower.Close()
	checked := s.Now()
	for {
		doc, err := follower.Next(ctx)
		if errors.Is(err, feed.ErrGap) {
			events.gone()
		}
		if err != nil || !events.document(doc) {
			return nil // the answer has begun: the end of the stream says it
		}
		if now := s.Now(); r.caller != nil && now.Sub(checked) >= recheck {
			if checked = now; !s.stillReader(r, tenant, view) {
				return nil
			}
		}
	}
}

// stillReader tells whether the credentials of a stream still give what they gave when it began.
func (s *Server) stillReader(r *request, tenant *grants.Tenant, view feed.View) bool {
	if r.caller.Superuser && r.credential == basicCredential {
		return s.Now().Sub(r.started) < superuserStream // his password is too dear to be checked again and again
	}
	now := feed.View{Scope: view.Scope, Issuer: view.Issuer}
	if tenant != nil {
		var err error
		if tenant, err = s.Grants.Tenant(r.ctx(), byUUID, tenant.Application.ID.String()); err != nil {
			return !isUnknown(err)
		}
	}
	err := s.feedReader(r, tenant, &now)
	if err != nil {
		return !isRefusal(err)
	}
	return now.Audience == view.Audience
}

// superuserStream is how long a stream lives that the superuser has opened with his password.
const superuserStream = 5 * time.Minute

// events writes server-sent events.
type events struct {
	*request

	control *http.ResponseController
}

func (r *request) openEvents() *events {
	e := &events{r, r.mayTake(r.server.feeding.patience)}
	header := r.Response().Header()
	header.Set(echo.HeaderContentType, eventStream)
	header.Set(echo.HeaderCacheControl, "no-store")
	if r.caller != nil {
		header.Set(echo.HeaderCacheControl, "private, no-store")
	}
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	r.status = http.StatusOK
	r.record(http.StatusOK)
	r.Response().WriteHeader(http.StatusOK)
	_ = e.control.Flush()
	return e
}

// mayTake puts another bound in the place of the server's, which are for requests that are answered at once.
func (r *request) mayTake(patience time.Duration) *http.ResponseController {
	control := http.NewResponseController(r.Response())
	// A writer that knows no deadlines is one of a test.
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Now().Add(patience))
	return control
}

// document writes one document and tells whether the reader took it.
func (e *events) document(d *feed.Document) bool {
	return e.write("id: " + d.Epoch + ":" + strconv.FormatInt(d.Seq, 10) + "\nevent: revocations\ndata: " + d.Text + "\n\n")
}

// gone says that the complete list is needed.
func (e *events) gone() { e.write("event: gone\ndata:\n\n") }

func (e *events) write(event string) bool {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.server.feeding.patience))
	if _, err := e.Response().Write([]byte(event)); err != nil {
		return false
	}
	return e.control.Flush() == nil
}

// untilShutdown gives a context that also ends when the server does: a stream must not keep it from ending.
func (s *Server) untilShutdown(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ending, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}
