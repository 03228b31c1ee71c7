package portal

import "net/http"

// tokenRoutes are the pages about tokens.
func (p *Portal) tokenRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	all := []route{
		{get, root + "/token", signedIn, "", (*visit).showExamination},
		{post, root + "/token/examine", signedIn, "", (*visit).examine},
	}
	for place, of := range map[string]func(*visit) (tokenOwner, error){
		root + "/account":                                             (*visit).tokensOfAccount,
		root + "/administrators/{admin}":                              (*visit).tokensOfAdmin,
		root + "/organizations/{org}":                                 (*visit).tokensOfOrganization,
		root + "/organizations/{org}/applications/{app}":              (*visit).tokensOfApplication,
		root + "/organizations/{org}/applications/{app}/users/{user}": (*visit).tokensOfUser,
	} {
		tokens := place + "/tokens"
		with := func(handle func(v *visit, owner *tokenOwner) error) func(*visit) error {
			return func(v *visit) error {
				owner, err := of(v)
				if err != nil {
					return err
				}
				return handle(v, &owner)
			}
		}
		all = append(all,
			route{get, tokens, signedIn, "", with((*visit).listTokens)},
			route{get, tokens + "/all", signedIn, "", with((*visit).askRevokeAll)},
			route{post, tokens + "/all/revoke", password, "confirm.revokealltokens", with((*visit).revokeAll)},
			route{get, tokens + "/{jti}", signedIn, "", with((*visit).askRevokeOne)},
			route{post, tokens + "/{jti}/revoke", password, "confirm.revoketoken", with((*visit).revokeOne)},
		)
	}
	return all
}
