package server

import (
	"context"
	"errors"

	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// managedKeys is where the signing keys are.
const managedKeys = "/management/keys"

// keyStore knows which registered tokens depend on a key.
type keyStore interface {
	CountRegistered(ctx context.Context, filter models.TokenFilter) (int64, error)
}

// keyObject is a signing key. Times are ms.
type keyObject struct {
	KID     string       `json:"kid"`
	Alg     string       `json:"alg"`
	Purpose keys.Purpose `json:"purpose"`
	State   string       `json:"state"`
	Created int64        `json:"created"`
	Changed int64        `json:"changed"` // when state was entered
	Next    string       `json:"next,omitempty"`
	NextAt  int64        `json:"nextAt,omitempty"`
	// Tokens is the number of live registered tokens that die with the key, or have died with it; of long-term keys only.
	Tokens *int64 `json:"tokens,omitempty"`
}

func newKeyObject(s keys.Status) keyObject {
	o := keyObject{
		KID: s.KID, Alg: s.Algorithm, Purpose: s.Purpose, State: s.State, Created: s.Created.UnixMilli(), Changed: s.Changed.UnixMilli(), Next: s.Next,
	}
	if !s.At.IsZero() {
		o.NextAt = s.At.UnixMilli()
	}
	return o
}

// counted adds how many registered tokens live by the key.
func (s *Server) counted(r *request, status keys.Status) (keyObject, error) {
	o := newKeyObject(status)
	if status.Purpose != keys.NonExpiring {
		return o, nil
	}
	n, err := s.Store.CountRegistered(r.ctx(), models.TokenFilter{KID: status.KID, Live: true})
	o.Tokens = &n
	return o, err
}

// listKeys is GET /management/keys: all but removed keys, oldest first; all=true adds those.
func (s *Server) listKeys(r *request) error {
	all, err := r.in.queryFlag("all")
	if err != nil {
		return err
	}
	list, err := s.Keys.List(r.ctx(), all)
	if err != nil {
		return err
	}
	data := make([]any, 0, len(list))
	for _, status := range list {
		object, err := s.counted(r, status)
		if err != nil {
			return err
		}
		data = append(data, object)
	}
	return r.ok(envelope{Action: "get", Data: data, List: true})
}

// showKey is GET /management/keys/{kid}.
func (s *Server) showKey(r *request) error {
	status, err := s.Keys.Status(r.ctx(), r.param("kid"))
	if err != nil {
		return unknownKey(r, err)
	}
	object, err := s.counted(r, status)
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "get", Data: object})
}

// listKeyTokens is GET /management/keys/{kid}/tokens: the live registered tokens that die with the key, newest first.
func (s *Server) listKeyTokens(r *request) error {
	if _, err := s.Keys.Status(r.ctx(), r.param("kid")); err != nil {
		return unknownKey(r, err)
	}
	return s.listTokens(r)
}

// rotateKeys is POST /management/keys/rotate: the answer is the successor.
func (s *Server) rotateKeys(r *request) error {
	purpose, err := r.in.text("purpose")
	if err != nil {
		return err
	}
	if purpose == "" {
		purpose = string(keys.Ordinary)
	}
	now, err := r.in.flag("now", false)
	if err != nil {
		return err
	}
	status, err := s.Keys.Rotate(r.ctx(), keys.Purpose(purpose), now)
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "rotated", Data: newKeyObject(status)})
}

// retireKey is POST /management/keys/{kid}/retire.
func (s *Server) retireKey(r *request) error { return s.endKey(r, "retired", s.Keys.Retire) }

// dropKey is DELETE /management/keys/{kid}: the emergency exit.
func (s *Server) dropKey(r *request) error { return s.endKey(r, "dropped", s.Keys.Drop) }

func (s *Server) endKey(r *request, action string, end func(ctx context.Context, kid string) (int, error)) error {
	tokens, err := end(r.ctx(), r.param("kid"))
	if err != nil {
		return unknownKey(r, err)
	}
	r.countRevoked("key")
	status, err := s.Keys.Status(r.ctx(), r.param("kid"))
	if err != nil {
		return err
	}
	object := newKeyObject(status)
	if status.Purpose == keys.NonExpiring {
		died := int64(tokens)
		object.Tokens = &died
	}
	return r.ok(envelope{Action: action, Data: object})
}

func unknownKey(r *request, err error) error {
	if errors.Is(err, models.ErrNotFound) {
		return entityNotFound(r.param("kid"))
	}
	return err
}

// auditedKey is the key that a request was about: that of the path, or the one that a rotation has begun with.
func (r *request) auditedKey() string {
	if kid := r.param("kid"); kid != "" {
		return kid
	}
	object, _ := r.answered.Data.(keyObject)
	return object.KID
}
