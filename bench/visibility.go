package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/verifier"
)

// How often each kind of change is made at the most. A client's former secret is refused once for each: more would look like guessing. Keys stay
// published.
const (
	manyCredentials = 40
	manyKeys        = 25
)

// change is one kind of change. make makes it at the first replica; holds asks the other one, and is asked until it says yes.
type change struct {
	what  string
	count int
	make  func(ctx context.Context) error
	holds func(ctx context.Context) (bool, error)
}

// onlooker makes changes at one replica and asks another one.
type onlooker struct {
	*cluster

	root        string
	here, there *replica
	follower    *verifier.Verifier // follows there

	token  string // what was revoked
	reader string // a user's token
	former string // secret
	kid    string
	turn   int
}

// visibility is the time from a change that one replica acknowledged until another one goes by it.
func (c *cluster) visibility(ctx context.Context) error {
	o := &onlooker{cluster: c, here: c.replicas[0], there: c.replicas[1]}
	var err error
	if o.root, err = c.superuser(ctx); err != nil {
		return err
	}
	o.follower, err = follow(ctx, &cluster{bench: c.bench, replicas: c.replicas[1:]})
	if err != nil {
		return err
	}
	defer o.follower.Close()
	if o.reader, err = o.grantOf(ctx, o.here, url.Values{"grant_type": {"password"}, "username": {seedUser}, "password": {seedPassword}}); err != nil {
		return err
	}
	for _, one := range []change{
		{"a revocation", c.revocations, o.revoke, o.inactive},
		{"a revocation, at a resource server that follows another replica", c.revocations, o.revoke, o.refused},
		{"a role, given and taken", c.revocations / 2, o.changeRole, o.roleHolds},
		{"a setting", c.revocations / 2, o.changeSetting, o.settingHolds},
		{"a client's new secret", min(manyCredentials, c.revocations), o.renewSecret, o.formerRefused},
		{"a signing key", min(manyKeys, c.revocations), o.rotate, o.keyPublished},
	} {
		if err := o.watch(ctx, one); err != nil {
			return fmt.Errorf("%s: %w", one.what, err)
		}
	}
	return nil
}

// watch makes a change again and again.
func (o *onlooker) watch(ctx context.Context, one change) error {
	var times []uint32
	for range one.count {
		o.turn++
		if err := one.make(ctx); err != nil {
			return err
		}
		acknowledged := time.Now()
		for {
			holds, err := one.holds(ctx)
			if err != nil {
				return err
			}
			if holds {
				break
			}
			if time.Since(acknowledged) > lostAfter {
				return errors.New("another replica never went by it")
			}
			wait(ctx, askEvery)
		}
		times = append(times, uint32(time.Since(acknowledged).Microseconds())) //nolint:gosec // below lostAfter
	}
	slices.Sort(times)
	p50, p99 := percentile(times, 50), percentile(times, 99)
	o.report.add("at another replica: "+one.what+fmt.Sprintf("; p50, p99, ms; %d times", one.count), fmt.Sprintf("p99 ≤ %d", propagationP99.Milliseconds()),
		fmt.Sprintf("%.2f, %.2f; longest %.2f", p50/1000, p99/1000, float64(times[len(times)-1])/1000),
		judged(p99 <= float64(propagationP99.Microseconds())))
	return nil
}

// form asks a replica for something of the application, with a form.
func (o *onlooker) form(ctx context.Context, at *replica, path string, values url.Values) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at.url()+soakRoot+path, strings.NewReader(values.Encode()))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(request)
}

func (o *onlooker) asClient(secret string, more url.Values) url.Values {
	more.Set("client_id", o.seed.client)
	more.Set("client_secret", secret)
	return more
}

func (o *onlooker) grantOf(ctx context.Context, at *replica, values url.Values) (string, error) {
	status, answer, err := o.form(ctx, at, "/token", values)
	var granted struct {
		Token string `json:"access_token"`
	}
	if err = errors.Join(err, json.Unmarshal(answer, &granted)); err != nil || granted.Token == "" {
		return "", errors.Join(err, fmt.Errorf("no token: %d %s", status, answer))
	}
	return granted.Token, nil
}

// must makes an administrative change.
func (o *onlooker) must(ctx context.Context, method, path, body string) ([]byte, error) {
	status, answer, err := o.administer(ctx, o.here, method, path, o.root, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s %s: %d %s", method, path, status, answer)
	}
	return answer, err
}

func (o *onlooker) revoke(ctx context.Context) (err error) {
	client := o.asClient(o.seed.secret, url.Values{"grant_type": {"client_credentials"}})
	if o.token, err = o.grantOf(ctx, o.here, client); err != nil {
		return err
	}
	status, answer, err := o.form(ctx, o.here, "/revoke", o.asClient(o.seed.secret, url.Values{"token": {o.token}}))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("revocation: %d %s", status, answer)
	}
	return err
}

func (o *onlooker) inactive(ctx context.Context) (bool, error) {
	status, answer, err := o.form(ctx, o.there, "/introspect", o.asClient(o.seed.secret, url.Values{"token": {o.token}}))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("introspection: %d %s", status, answer)
	}
	return strings.Contains(string(answer), `"active":false`), err
}

func (o *onlooker) refused(ctx context.Context) (bool, error) {
	_, err := o.follower.Verify(ctx, o.token)
	return errors.Is(err, verifier.ErrRevoked), nil
}

// given tells whether this turn gives, or takes away what the last one gave.
func (o *onlooker) given() bool { return o.turn%2 == 0 }

func (o *onlooker) changeRole(ctx context.Context) error {
	method := map[bool]string{true: http.MethodPost, false: http.MethodDelete}[o.given()]
	_, err := o.must(ctx, method, soakRoot+"/roles/"+readerRole+"/users/"+seedUser, "")
	return err
}

func (o *onlooker) roleHolds(ctx context.Context) (bool, error) {
	status, _, err := o.administer(ctx, o.there, http.MethodGet, soakRoot+"/users?limit=1", o.reader, "")
	return (status == http.StatusOK) == o.given(), err
}

// lifetime (s) is another one each time.
func (o *onlooker) lifetime() int { return 3600 + o.turn }

func (o *onlooker) changeSetting(ctx context.Context) error {
	_, err := o.must(ctx, http.MethodPut, soakRoot, fmt.Sprintf(`{"accesstokenttl":%d}`, o.lifetime()*1000))
	return err
}

func (o *onlooker) settingHolds(ctx context.Context) (bool, error) {
	values := o.asClient(o.seed.secret, url.Values{"grant_type": {"client_credentials"}})
	_, answer, err := o.form(ctx, o.there, "/token", values)
	return strings.Contains(string(answer), fmt.Sprintf(`"expires_in":%d,`, o.lifetime())) ||
		strings.Contains(string(answer), fmt.Sprintf(`"expires_in":%d}`, o.lifetime())), err
}

func (o *onlooker) renewSecret(ctx context.Context) error {
	answer, err := o.must(ctx, http.MethodPost, soakRoot+"/credentials", "")
	if err != nil {
		return err
	}
	var renewed struct {
		Credentials struct {
			Secret string `json:"client_secret"`
		} `json:"credentials"`
	}
	if err := json.Unmarshal(answer, &renewed); err != nil || renewed.Credentials.Secret == "" {
		return errors.Join(err, errors.New("no new secret"))
	}
	o.former, o.seed.secret = o.seed.secret, renewed.Credentials.Secret
	return nil
}

// formerRefused asks with the former secret, which is right until it is not.
func (o *onlooker) formerRefused(ctx context.Context) (bool, error) {
	status, answer, err := o.form(ctx, o.there, "/token", o.asClient(o.former, url.Values{"grant_type": {"client_credentials"}}))
	if err != nil || status == http.StatusOK {
		return false, err
	}
	if status != http.StatusUnauthorized {
		return false, fmt.Errorf("the former secret: %d %s", status, answer)
	}
	// A success ends the row of failures, which would have to wait otherwise.
	_, err = o.grantOf(ctx, o.there, o.asClient(o.seed.secret, url.Values{"grant_type": {"client_credentials"}}))
	return true, err
}

func (o *onlooker) rotate(ctx context.Context) error {
	answer, err := o.must(ctx, http.MethodPost, "/management/keys/rotate", `{"now":true}`)
	if err != nil {
		return err
	}
	_, behind, _ := strings.Cut(string(answer), `"kid":"`)
	if o.kid, _, _ = strings.Cut(behind, `"`); o.kid == "" {
		return fmt.Errorf("no new key: %s", answer)
	}
	return nil
}

func (o *onlooker) keyPublished(ctx context.Context) (bool, error) {
	_, answer, err := o.administer(ctx, o.there, http.MethodGet, "/.well-known/jwks.json", "", "")
	return strings.Contains(string(answer), o.kid), err
}
