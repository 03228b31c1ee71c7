package server

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/grants"
)

// statusStore tells whether the database answers.
type statusStore interface {
	Ping(ctx context.Context) error
}

// home leads to the status.
func (s *Server) home(r *request) error {
	r.Response().Header().Set(echo.HeaderLocation, "/status")
	r.write(http.StatusTemporaryRedirect, echo.MIMETextPlain, nil)
	return nil
}

// status tells what runs here and since when; times are ms.
func (s *Server) status(r *request) error {
	available := s.Store.Ping(r.ctx()) == nil
	return r.ok(envelope{Extra: map[string]any{"status": map[string]any{
		"started":           s.started.UnixMilli(),
		"uptime":            r.started.Sub(s.started).Milliseconds(),
		"version":           s.Version,
		"databaseAvailable": available,
	}}})
}

// healthy says that the process serves requests.
func (s *Server) healthy(r *request) error {
	r.write(http.StatusOK, echo.MIMETextPlainCharsetUTF8, []byte("ok"))
	return nil
}

// ready says that a token can be issued: there is a signing key, and the database answers.
func (s *Server) ready(r *request) error {
	if err := s.Grants.Ready(r.ctx()); err != nil {
		return grants.Unavailable(err)
	}
	return s.healthy(r)
}
