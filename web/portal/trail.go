package portal

import "github.com/google/uuid"

// chain is what the check of the whole trail has found.
type chain struct {
	Intact    bool   `json:"intact"`
	Entries   int64  `json:"entries"`
	First     int64  `json:"first"`
	Last      int64  `json:"last"`
	Hash      string `json:"hash"`
	BrokenAt  int64  `json:"brokenAt"`
	Complaint string `json:"complaint"`
}

// showServerActivity is GET /portal/activity: the trail of the whole server. The question is the superuser's: the API refuses everybody else.
func (v *visit) showServerActivity() error { return v.showTrail(nil) }

// checkTrail is POST /portal/activity/check. It reads every entry, so nobody does it by following a link.
func (v *visit) checkTrail() error {
	var answer struct {
		Data chain `json:"data"`
	}
	if err := v.get(&answer, "management", "audit", "chain"); err != nil {
		return err
	}
	return v.showTrail(&answer.Data)
}

func (v *visit) showTrail(checked *chain) error {
	known := places{of: v, organizations: map[uuid.UUID]string{}, applications: map[uuid.UUID]string{}}
	body, complaint, status, err := v.activity(nil, address("activity"), "", known.where)
	if err != nil {
		return err
	}
	body.Server, body.Chain = true, checked
	return v.showServer("activity", status, "activity", page{Title: v.texts.say("tab.activity"), Problem: complaint, Body: body})
}

// places finds the names of organizations and applications, each organization with one question. Who is gone has none.
type places struct {
	of                          *visit
	organizations, applications map[uuid.UUID]string
}

func (p *places) where(e *event) string {
	if e.Organization == nil {
		return ""
	}
	name, asked := p.organizations[*e.Organization]
	if !asked {
		name = p.ask(*e.Organization)
	}
	if e.Application != nil && p.applications[*e.Application] != "" {
		return p.applications[*e.Application]
	}
	return name
}

func (p *places) ask(id uuid.UUID) string {
	var answer struct {
		Organization organization `json:"organization"`
	}
	p.organizations[id] = "" // a deleted one is not asked for again
	if err := p.of.get(&answer, "management", "organizations", id.String()); err != nil {
		return ""
	}
	p.organizations[id] = answer.Organization.Name
	for full, application := range answer.Organization.Applications {
		p.applications[application] = full
	}
	return answer.Organization.Name
}
