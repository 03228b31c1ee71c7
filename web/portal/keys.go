package portal

import (
	"net/http"
	"strings"

	"github.com/writ-auth/writ/models"
)

// signingKey is a signing key as the API tells it, and in the words of the page.
type signingKey struct {
	KID     string `json:"kid"`
	Alg     string `json:"alg"`
	Purpose string `json:"purpose"`
	State   string `json:"state"`
	Created int64  `json:"created"`
	Changed int64  `json:"changed"`
	Next    string `json:"next"`
	NextAt  int64  `json:"nextAt"`
	Tokens  *int64 `json:"tokens"`

	Since string
	Age   string
	Spans []span
	Now   float64
}

// Short is what is typed before a key ends, and enough to tell two apart.
func (k *signingKey) Short() string { return k.KID[:min(len(k.KID), shortID)] }

// Dying is how many registered tokens live by the key.
func (k *signingKey) Dying() int64 {
	if k.Tokens == nil {
		return 0
	}
	return *k.Tokens
}

// Ended tells whether nothing trusts the key any more.
func (k *signingKey) Ended() bool {
	return k.State == models.KeyDropped || k.State == models.KeyRemoved
}

// Retires tells whether an operator can end the key in good order: an announced one, or a long-term one that has a successor.
func (k *signingKey) Retires() bool {
	return k.State == models.KeyAnnounced || k.State == models.KeyRetiring && k.Purpose == models.KeyForNonExpiring
}

// span is a part of a key's life on the time line, in thousandths of its width.
type span struct {
	Kind    string // the state; "past" for what was before, "planned" for what will be
	X, Wide float64
}

// lineWidth is how many units a time line has.
const lineWidth = 1000

// timeLine puts keys on one line of time. It reaches from the oldest to the last thing that is planned.
func timeLine(list []signingKey, now int64) (from, to int64) {
	from, to = now, now
	for i := range list {
		from, to = min(from, list[i].Created), max(to, list[i].NextAt, list[i].Changed)
	}
	// Nothing planned, or everything new: a line needs some length.
	const day = 24 * 60 * 60 * second
	to = max(to, now+day, now+(now-from)/4)
	at := func(ms int64) float64 { return float64(ms-from) / float64(to-from) * lineWidth }
	for i := range list {
		k := &list[i]
		add := func(kind string, begin, end int64) {
			if end > begin {
				k.Spans = append(k.Spans, span{kind, at(begin), at(end) - at(begin)})
			}
		}
		add("past", k.Created, k.Changed)
		if !k.Ended() {
			add(k.State, k.Changed, now)
			end := k.NextAt
			if end == 0 {
				end = to
			}
			add("planned", max(k.Changed, now), end)
		}
		k.Now = at(now)
	}
	return from, to
}

// keysPage is every key with what becomes of it.
type keysPage struct {
	Keys     []signingKey
	From, To int64
	All      bool
}

// showKeys is GET /portal/keys.
func (v *visit) showKeys() error {
	all := v.query("all") == "yes"
	query := filled()
	if all {
		query.Set("all", "true")
	}
	var answer struct {
		Data []signingKey `json:"data"`
	}
	if err := v.do(call{method: http.MethodGet, path: []string{"management", "keys"}, query: query}, &answer); err != nil {
		return err
	}
	body := keysPage{Keys: answer.Data, All: all}
	now := v.started.UnixMilli()
	for i := range body.Keys {
		v.describeKey(&body.Keys[i])
	}
	body.From, body.To = timeLine(body.Keys, now)
	return v.showServer("keys", http.StatusOK, "keys", page{Body: body})
}

func (v *visit) describeKey(k *signingKey) {
	now := v.started.UnixMilli()
	k.Since, k.Age = v.texts.ago(k.Changed, now), v.texts.ago(k.Created, now)
}

// showServer shows a page about the whole server, with the tabs of those pages. What stands on it the API has given to the superuser alone.
func (v *visit) showServer(tab string, status int, name string, p page) error {
	further := p.Crumbs // between the server and the page
	p.Crumbs = []link{{Text: v.texts.say("organizations.title"), Address: root}}
	if p.Title == "" {
		p.Title = v.texts.say("server.title")
	} else {
		p.Crumbs = append(p.Crumbs, link{Text: v.texts.say("server.title"), Address: address("keys")})
	}
	p.Crumbs = append(p.Crumbs, further...)
	for _, t := range serverTabs() {
		p.Tabs = append(p.Tabs, link{v.texts.say("tab." + t), address(t), t == tab})
	}
	return v.show(status, name, p)
}

// keyPage asks before a key ends.
type keyPage struct{ Key *signingKey }

func (v *visit) key() (*signingKey, error) {
	var answer struct {
		Data signingKey `json:"data"`
	}
	if err := v.get(&answer, "management", "keys", v.param("kid")); err != nil {
		return nil, err
	}
	v.describeKey(&answer.Data)
	return &answer.Data, nil
}

// showKey is GET /portal/keys/{kid}.
func (v *visit) showKey() error {
	k, err := v.key()
	if err != nil {
		return err
	}
	return v.showKeyForm(k, http.StatusOK, "")
}

func (v *visit) showKeyForm(k *signingKey, status int, complaint string) error {
	return v.showServer("keys", status, "key", page{Title: v.texts.say("keys.key", k.Short()), Problem: complaint, Body: keyPage{k}})
}

// rotateKey is POST /portal/keys/rotate.
func (v *visit) rotateKey() error {
	err := v.do(call{
		method: http.MethodPost, path: []string{"management", "keys", "rotate"},
		body: map[string]any{"purpose": v.field("purpose"), "now": v.field("now") == "yes"},
	}, nil)
	if err != nil {
		return err
	}
	return v.done(address("keys"), "notice.rotated")
}

// dropKey is POST /portal/keys/{kid}/drop: the emergency exit.
func (v *visit) dropKey() error {
	return v.endKey("notice.dropped", func(k *signingKey) call {
		return call{method: http.MethodDelete, path: []string{"management", "keys", k.KID}}
	})
}

// retireKey is POST /portal/keys/{kid}/retire.
func (v *visit) retireKey() error {
	return v.endKey("notice.retired", func(k *signingKey) call {
		return call{method: http.MethodPost, path: []string{"management", "keys", k.KID, "retire"}}
	})
}

func (v *visit) endKey(notice string, how func(k *signingKey) call) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	if strings.TrimSpace(v.field("name")) != k.Short() {
		return v.showKeyForm(k, http.StatusBadRequest, v.texts.say("error.name", k.Short()))
	}
	if err := v.do(how(k), nil); err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showKeyForm(k, status, text)
	}
	return v.done(address("keys"), notice)
}
