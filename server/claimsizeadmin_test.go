package server

import (
	"fmt"
	"strings"
	"testing"
)

// Organizations travel in an admin's token, and whoever owns one may make any admin its member, unasked. He is told when that would make the
// other's token too large: nobody can shut another admin out by giving him memberships.
//
// SEC-46
func TestMembershipsOfAnAdminNeverShutHimOut(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	rita := f.asRita(t)
	refused := 0
	for i := range 100 {
		name := fmt.Sprintf("o%02d-%s", i, strings.Repeat("x", 60))
		f.do(t, "POST", "/management/users/me/organizations", `{"organization":"`+name+`"}`, rita)
		if a := f.do(t, "PUT", "/management/orgs/"+name+"/users/olga", "", rita); a.Code != 200 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("olga is a member of 100 organizations with long names")
	}
	f.asOlga(t)
	f.asRita(t)
}
