package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// administer asks one replica for something, with JSON.
func (c *cluster) administer(ctx context.Context, r *replica, method, path, bearer, body string) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, r.url()+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	return do(request)
}

func do(request *http.Request) (status int, answer []byte, err error) {
	response, err := (&http.Client{Timeout: wireTimeout}).Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// superuser gives the superuser's token.
func (c *cluster) superuser(ctx context.Context) (string, error) {
	login := fmt.Sprintf(`{"grant_type":"password","username":"superuser","password":%q}`, clusterSuperuser)
	status, answer, err := c.administer(ctx, c.replicas[0], http.MethodPost, "/management/token", "", login)
	if err != nil {
		return "", err
	}
	var granted struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(answer, &granted); err != nil || granted.Token == "" {
		return "", fmt.Errorf("the superuser gets no token: %d %s", status, answer)
	}
	return granted.Token, nil
}
