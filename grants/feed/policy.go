package feed

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

// policyStore gives the rules of an application, and the position of their newest change.
type policyStore interface {
	PolicySeq(ctx context.Context, application uuid.UUID) (int64, error)
	AllRules(ctx context.Context, application uuid.UUID) (models.Rules, error)
}

// policies keeps the signed policies of applications.
type policies struct {
	mu     sync.Mutex
	known  map[uuid.UUID]*policy
	weight int
}

// policy is what an application's rules were at a position.
type policy struct {
	mu     sync.Mutex
	rules  *revocation.Policy
	signed *Document
}

const (
	// policyAge is how old the time in a policy may grow before it is signed anew.
	policyAge = 30 * time.Second
	// maxPolicies bounds what is kept, in bytes of text.
	maxPolicies = 64 << 20
)

// Policy gives the rules of an application, signed. Its entity tag is the same as long as the rules are.
func (h *Hub) Policy(ctx context.Context, v View) (*Document, error) {
	p := h.policies.of(v.Scope)
	p.mu.Lock()
	defer p.mu.Unlock()
	newest, err := remembered(ctx, h, h.newest, v.Scope, h.Store.PolicySeq)
	if err != nil {
		return nil, err
	}
	asOf := h.Store.AsOf()
	switch {
	case p.rules == nil || p.rules.Seq < newest:
		if p.rules, err = h.readPolicy(ctx, v); err != nil {
			return nil, err
		}
	case p.signed != nil && h.Now().Sub(p.signed.signed) < policyAge:
		return p.signed, nil
	}
	p.rules.IssuedAt, p.rules.AsOf = h.Now().Unix(), asOf.Unix()
	payload, err := json.Marshal(p.rules)
	if err != nil {
		return nil, err
	}
	text, err := h.Signer.SignAs(revocation.PolicyType, payload)
	if err != nil {
		p.rules = nil
		return nil, err
	}
	h.Stats.Signed.Add(1)
	p.signed = &Document{
		Text: text, Epoch: h.epoch, Seq: p.rules.Seq, signed: h.Now(), pack: packer(text),
		ETag: `"` + h.epoch + "." + strconv.FormatInt(p.rules.Seq, 10) + `"`,
	}
	h.policies.weigh(len(text))
	return p.signed, nil
}

func (h *Hub) readPolicy(ctx context.Context, v View) (*revocation.Policy, error) {
	rules, err := h.Store.AllRules(ctx, v.Scope)
	if err != nil {
		return nil, err
	}
	p := &revocation.Policy{
		Issuer: v.Issuer, Epoch: h.epoch, Seq: rules.Seq, Roles: rules.Roles, Groups: rules.Groups, Guest: rules.Guest,
		Users: make(map[revocation.ID][]string, len(rules.Users)),
	}
	for user, held := range rules.Users {
		p.Users[revocation.Hash(user.String())] = held
	}
	return p, nil
}

func (p *policies) of(scope uuid.UUID) *policy {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || p.weight > maxPolicies || len(p.known) > maxStates {
		p.known, p.weight = map[uuid.UUID]*policy{}, 0
	}
	if p.known[scope] == nil {
		p.known[scope] = new(policy)
	}
	return p.known[scope]
}

func (p *policies) weigh(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weight += bytes
}

// clear forgets everything: another key signs from now on.
func (p *policies) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.weight = nil, 0
}
