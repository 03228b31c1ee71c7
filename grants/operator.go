package grants

import "context"

// operatorLife (ms) is enough for one request.
const operatorLife = 60_000

// OperatorToken makes an access token of the superuser for a request that this process makes to itself. It asks for no credentials: it
// is for a program whose user holds database and master key, and could make any token. It must not leave the process. models.ErrNotFound says
// that there is no superuser yet.
func (s *Service) OperatorToken(ctx context.Context) (string, error) {
	admin, err := s.Store.Superuser(ctx)
	if err != nil {
		return "", err
	}
	who, err := s.adminSubject(ctx, &admin)
	if err != nil {
		return "", err
	}
	token, err := s.mint(ctx, passwordGrant, who, &client{}, minting{life: lifetime{millis: min(operatorLife, s.TokenTTL)}})
	if err != nil {
		return "", err
	}
	return token.AccessToken, nil
}
