package server

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
)

// credential is the kind of credential a request is judged by.
type credential int

const (
	noCredential     credential = iota
	tokenCredential             // an access token, in query, form or Authorization header
	clientCredential            // client_id and client_secret in query or form
	basicCredential             // Authorization: Basic
	otherCredential             // another scheme
)

// authenticate finds the caller by the first source of §5 that is present; a present one that is invalid is never a guest.
func (r *request) authenticate() error {
	if caller := r.inProcess(); caller != nil {
		r.caller = caller
		return nil
	}
	for _, name := range []string{"access_token", "client_id", "client_secret"} {
		if r.in.query.count(name)+r.in.form.count(name) > 1 {
			return grants.IllegalArgument("duplicate parameter: " + name) // §1.2
		}
	}
	if err := r.legacyCredentials(); err != nil {
		return err
	}
	caller, err := r.identify()
	if err != nil && r.revokesOne() && isRefusal(err) {
		// §13: with a token to revoke, other credentials are looked at only for their extra rights.
		r.credential = noCredential
		r.caller = &grants.Caller{Level: claims.Guest}
		return nil
	}
	if err != nil {
		r.countRefused(err)
		return err
	}
	r.caller = caller
	return nil
}

// isRefusal tells a wrong credential from a server that cannot check it.
func isRefusal(err error) bool {
	var known *grants.Error
	return errors.As(err, &known) && known.Status < 500
}

// legacyCredentials counts credentials in places OAuth 2.1 forbids, and refuses them under compat=strict (§2.7). RFC 9700 §4.3.2.
func (r *request) legacyCredentials() error {
	if r.in.query.get("access_token") != "" || r.in.form.get("access_token") != "" {
		if err := r.use(queryToken); err != nil {
			return err
		}
	}
	if r.in.query.get("client_secret") != "" {
		return r.use(queryClient)
	}
	return nil
}

func (r *request) identify() (*grants.Caller, error) {
	service, ctx := r.server.Grants, r.ctx()
	scheme, value := r.authorization()
	if token := r.bearer(scheme, value); token != "" || scheme == "bearer" {
		r.credential = tokenCredential
		return service.AuthenticateToken(ctx, token)
	}
	if id, secret := r.either("client_id"), r.either("client_secret"); id != "" && secret != "" {
		r.credential = clientCredential
		return service.AuthenticateClient(ctx, id, secret, r.source())
	}
	switch scheme {
	case "":
		return &grants.Caller{Level: claims.Guest}, nil
	case "basic":
		r.credential = basicCredential
		return r.identifyBasic(value)
	}
	r.credential = otherCredential
	return nil, grants.ErrScheme
}

// bearer gives the access token of the request: the parameter goes before the header (§5).
func (r *request) bearer(scheme, value string) string {
	if token := r.either("access_token"); token != "" {
		return token
	}
	if scheme == "bearer" {
		return value
	}
	return ""
}

func (r *request) either(name string) string {
	if value := r.in.query.get(name); value != "" {
		return value
	}
	return r.in.form.get(name)
}

func (r *request) identifyBasic(value string) (*grants.Caller, error) {
	raw, ok := splitBasic(value)
	if !ok || raw.Username == "" || raw.Password == "" {
		return nil, grants.ErrBasic
	}
	decoded := raw.decoded()
	caller, err := r.server.Grants.AuthenticateBasic(r.ctx(), decoded.Username, decoded.Password, r.source())
	if err != nil && raw != decoded && isRefusal(err) {
		// Many clients do not encode: a password with % or + works as it is, too.
		if caller, again := r.server.Grants.AuthenticateBasic(r.ctx(), raw.Username, raw.Password, r.source()); again == nil {
			return caller, nil
		}
	}
	return caller, err
}

// authorization splits the Authorization header; the scheme is in lower case. Two headers are no credential anybody can agree about.
func (r *request) authorization() (scheme, value string) {
	headers := r.Request().Header[echo.HeaderAuthorization]
	if len(headers) == 0 {
		return "", ""
	}
	if len(headers) > 1 {
		return "ambiguous", ""
	}
	scheme, value, _ = strings.Cut(strings.TrimSpace(headers[0]), " ")
	return strings.ToLower(scheme), strings.TrimSpace(value)
}

// basicPair is what a Basic header holds.
type basicPair grants.BasicCredentials

// splitBasic decodes a Basic header. RFC 7617 §2: the first colon separates.
func splitBasic(value string) (basicPair, bool) {
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil || !utf8.Valid(text) {
		return basicPair{}, false
	}
	username, password, found := strings.Cut(string(text), ":")
	return basicPair{username, password}, found
}

// decoded undoes the form-url-encoding of both halves (RFC 6749 §2.3.1); a half that is not encoded stays as it is.
func (p basicPair) decoded() basicPair {
	return basicPair{formDecoded(p.Username), formDecoded(p.Password)}
}

func formDecoded(text string) string {
	if !strings.ContainsAny(text, "%+") {
		return text
	}
	if decoded, err := url.QueryUnescape(text); err == nil && utf8.ValidString(decoded) {
		return decoded
	}
	return text
}
