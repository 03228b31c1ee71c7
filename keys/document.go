package keys

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/writ-auth/writ/claims"
)

// MaxDocumentSize is the length in bytes of the longest document that SignAs makes.
const MaxDocumentSize = 8 << 20

// ErrType says that SignAs was asked for a typ that a document must not have.
var ErrType = errors.New("not the typ of a document")

// isDocumentType leaves out "JWT" and "application/at+jwt" too: lenient readers take both for access tokens.
func isDocumentType(typ string) bool {
	name, structured := strings.CutSuffix(typ, "+jwt")
	foreign := strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' })
	return structured && name != "" && !foreign && typ != claims.Type
}

// SignAs makes a compact JWS of a document that is not an access token, such as a feed or a status list, with the current ordinary
// key. The header says typ, without "application/" (RFC 7515 §4.1.9); it must end with +jwt and must not be that of access tokens, so
// that no reader takes the document for one (RFC 8725 §3.11). It returns ErrType, ErrNoKey or ErrTooLarge.
func (r *Ring) SignAs(typ string, payload []byte) (string, error) {
	if !isDocumentType(typ) {
		return "", fmt.Errorf("%w: %.64q", ErrType, typ)
	}
	k := r.current.Load().signing[Ordinary]
	if k == nil {
		return "", ErrNoKey
	}
	header, err := encodeHeader(typ, k.row.Alg, k.row.KID)
	if err != nil {
		return "", err
	}
	return k.signBehind(header, payload, MaxDocumentSize)
}

// encodeHeader writes a JOSE header and the dot behind it. RFC 9068 §2.1.
func encodeHeader(typ, alg, kid string) (string, error) {
	text, err := json.Marshal(struct {
		Type      string `json:"typ"`
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
	}{typ, alg, kid})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(text) + ".", nil
}
