package claims

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/writ-auth/writ/claims/strictjson"
)

// MaxTokenSize is the longest token (bytes) that is looked at: everything longer is refused before it is decoded.
const MaxTokenSize = 8 << 10

// ErrForm says that a string is not a compact JWS as Writ writes it.
var ErrForm = errors.New("not a well-formed token")

// Compact is a split token: three parts of RFC 7515 §7.1, decoded. Nothing in it is verified.
type Compact struct {
	Header    Header
	Payload   []byte
	Signature []byte
	// SigningInput is what the signature covers: the first two parts and the dot between them.
	SigningInput string
}

// Header holds the JOSE header members a reader may look at. Key material in a header (jku, jwk, x5u, x5c) is never used.
type Header struct {
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
}

// Split cuts and decodes a token strictly: token strings are malleable in lenient readers, so every byte outside the base64url
// alphabet and the two dots, spare bits, repeated JSON members and critical extensions are refused.
func Split(raw string) (Compact, error) { return split(raw, MaxTokenSize, nil) }

// SplitLong is Split for signed documents that are no tokens and may have up to limit bytes.
func SplitLong(raw string, limit int) (Compact, error) { return split(raw, limit, nil) }

// SplitKnown is Split for readers that meet the same few headers again and again: known says by the encoded text, which is the first
// part of a token, what Split would make of it.
func SplitKnown(raw string, known map[string]Header) (Compact, error) {
	return split(raw, MaxTokenSize, known)
}

func split(raw string, limit int, known map[string]Header) (Compact, error) {
	if raw == "" || len(raw) > limit {
		return Compact{}, ErrForm
	}
	head, rest, found := strings.Cut(raw, ".")
	if !found {
		return Compact{}, ErrForm
	}
	body, mac, found := strings.Cut(rest, ".")
	if !found {
		return Compact{}, ErrForm
	}
	token := Compact{SigningInput: raw[:len(head)+1+len(body)]}
	var err error
	if token.Header, found = known[head]; !found {
		if token.Header, err = decodeHeader(head); err != nil {
			return Compact{}, err
		}
	}
	// One allocation for both parts.
	room := make([]byte, base64.RawURLEncoding.DecodedLen(len(body))+base64.RawURLEncoding.DecodedLen(len(mac)))
	if token.Payload, err = decodePart(room, body); err != nil {
		return Compact{}, err
	}
	if token.Signature, err = decodePart(room[len(token.Payload):], mac); err != nil {
		return Compact{}, err
	}
	return token, nil
}

func decodeHeader(head string) (Header, error) {
	text, err := decodePart(make([]byte, base64.RawURLEncoding.DecodedLen(len(head))), head)
	if err != nil {
		return Header{}, err
	}
	return readHeader(text)
}

func readHeader(text []byte) (Header, error) {
	var h Header
	found, wrong := 0, false
	object := strictjson.Open(string(text), maxDepth)
	for name, more := object.Next(); more; name, more = object.Next() {
		if field := h.member(name); field != nil {
			var fits bool
			*field, fits = object.Text()
			found, wrong = found+1, wrong || !fits
			continue
		}
		object.Value()
		// RFC 7515 §4.1.11: extensions we do not understand must be refused, and we understand none. RFC 7797: b64 is one.
		if name == "crit" || name == "b64" || lookalike(name, []string{"typ", "alg", "kid"}) {
			wrong = true
		}
	}
	if err := object.Err(); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if wrong || found != 3 {
		return Header{}, fmt.Errorf("%w: header", ErrForm)
	}
	return h, nil
}

// member gives the field of a known member.
func (h *Header) member(name string) *string {
	switch name {
	case "typ":
		return &h.Type
	case "alg":
		return &h.Algorithm
	case "kid":
		return &h.KeyID
	default:
		return nil
	}
}

// decodePart decodes into the beginning of room, which is large enough, and gives that.
func decodePart(room []byte, part string) ([]byte, error) {
	// encoding/base64 skips line breaks even in strict mode.
	if strings.IndexByte(part, '\r') >= 0 || strings.IndexByte(part, '\n') >= 0 {
		return nil, ErrForm
	}
	// RFC 4648 §3.5: spare bits must be zero, else several strings are one token.
	n, err := base64.RawURLEncoding.Strict().Decode(room, []byte(part))
	if err != nil {
		return nil, ErrForm
	}
	return room[:n:n], nil
}
