package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// tokenLifetime of the floor's tokens, in seconds.
const tokenLifetime = 86400

// floorClaims are as large as those of a client's token of Writ.
type floorClaims struct {
	Issuer     string   `json:"iss"`
	Subject    string   `json:"sub"`
	Audience   []string `json:"aud"`
	ClientID   string   `json:"client_id"`
	IssuedAt   int64    `json:"iat"`
	Expires    int64    `json:"exp"`
	ID         string   `json:"jti"`
	Level      string   `json:"level"`
	Generation int64    `json:"gen"`
	Org        string   `json:"org"`
	OrgID      string   `json:"org_id"`
	App        string   `json:"app"`
	AppID      string   `json:"app_id"`
}

// floorAnswer is RFC 6749 §5.1.
type floorAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
}

// floorServer is the limit of this stack: echo, one form, one ES256 signature with a random nonce, one JSON answer. It looks at no
// credentials and has no database.
type floorServer struct {
	key    *ecdsa.PrivateKey
	header string
}

// serveFloor serves on a free port, which it prints, until ctx ends.
func serveFloor(ctx context.Context, stdout io.Writer) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	header := `{"typ":"at+jwt","alg":"ES256","kid":"0123456789012345678901234567890123456789012"}`
	f := &floorServer{key: key, header: base64.RawURLEncoding.EncodeToString([]byte(header)) + "."}
	e := echo.New()
	e.POST("/:org/:app/token", f.token)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "floor listens on http://%s\n", listener.Addr())
	server := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() }) //nolint:errcheck,gosec // the process ends
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (f *floorServer) token(c echo.Context) error {
	if c.FormValue("grant_type") != "client_credentials" {
		return c.JSON(http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
	}
	token, err := f.sign(c.FormValue("client_id"), time.Now().Unix())
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.JSON(http.StatusOK, floorAnswer{token, "Bearer", tokenLifetime})
}

func (f *floorServer) sign(client string, now int64) (string, error) {
	const id = "01234567-89ab-cdef-0123-456789abcdef"
	payload, err := json.Marshal(floorClaims{
		Issuer: "http://127.0.0.1:12345/bench/app", Audience: []string{"http://127.0.0.1:12345/bench/app"}, Subject: id, ClientID: client,
		IssuedAt: now, Expires: now + tokenLifetime, ID: id, Level: "application", Generation: 1, Org: "bench", OrgID: id, App: "app", AppID: id,
	})
	if err != nil {
		return "", err
	}
	encoding := base64.RawURLEncoding
	token := make([]byte, 0, len(f.header)+encoding.EncodedLen(len(payload))+1+86)
	token = append(token, f.header...)
	token = encoding.AppendEncode(token, payload)
	digest := sha256.Sum256(token)
	r, s, err := ecdsa.Sign(rand.Reader, f.key, digest[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte // RFC 7518 §3.4
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	token = append(token, '.')
	return string(encoding.AppendEncode(token, signature[:])), nil
}
