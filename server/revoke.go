package server

import (
	"net/http"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// revoke is RFC 7009 (§6.3): holding the token is enough, and a token nobody knows is no error.
func (s *Server) revoke(r *request) error {
	form, err := s.oauthForm(r)
	if err != nil {
		return err
	}
	if err := s.Grants.Revoke(r.ctx(), r.tenant, form.client, form.token, r.source()); err != nil {
		return err
	}
	r.countRevoked("token")
	r.answer(http.StatusOK, struct{}{})
	return nil
}

// oauthForm is what /revoke and /introspect read: the token in question and the client's authentication.
type oauthForm struct {
	token  string
	client grants.PresentedClient
}

func (s *Server) oauthForm(r *request) (oauthForm, error) {
	var form oauthForm
	if err := r.legacyCredentials(); err != nil {
		return form, err
	}
	if name := r.in.form.repeated(); name != "" {
		return form, grants.InvalidRequest("duplicate parameter: " + models.Printable(name))
	}
	read := parameters{pairs: r.in.form}
	if r.in.notation == jsonBody {
		object, is := r.in.json.(map[string]any)
		if !is {
			return form, grants.InvalidRequest("the body must be a JSON object, not an array")
		}
		read.object = object
	}
	form.token = read.text("token")
	form.client.ID, form.client.Secret = read.text("client_id"), read.text("client_secret")
	if read.err != nil {
		return form, read.err
	}
	if form.token == "" {
		return form, grants.InvalidRequest("missing parameter: token")
	}
	var err error
	form.client.Basic, err = r.basicClient()
	return form, err
}
