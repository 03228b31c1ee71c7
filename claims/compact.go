package claims

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
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
func Split(raw string) (Compact, error) {
	if raw == "" || len(raw) > MaxTokenSize {
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
	header, err := decodePart(head)
	if err != nil {
		return Compact{}, err
	}
	if token.Payload, err = decodePart(body); err != nil {
		return Compact{}, err
	}
	if token.Signature, err = decodePart(mac); err != nil {
		return Compact{}, err
	}
	if token.Header, err = readHeader(header); err != nil {
		return Compact{}, err
	}
	return token, nil
}

func readHeader(text []byte) (Header, error) {
	members, err := object(text)
	if err != nil {
		return Header{}, err
	}
	// RFC 7515 §4.1.11: extensions we do not understand must be refused, and we understand none. RFC 7797: b64 is one.
	for _, extension := range []string{"crit", "b64"} {
		if _, present := members[extension]; present {
			return Header{}, fmt.Errorf("%w: header %s", ErrForm, extension)
		}
	}
	var h Header
	known := []member{{"typ", &h.Type}, {"alg", &h.Algorithm}, {"kid", &h.KeyID}}
	for _, m := range known {
		value, present := members[m.name]
		if !present || !m.set(value) {
			return Header{}, fmt.Errorf("%w: header %s", ErrForm, m.name)
		}
	}
	if name, found := lookalike(members, known); found {
		return Header{}, fmt.Errorf("%w: header %s in other letters", ErrForm, name)
	}
	return h, nil
}

func decodePart(part string) ([]byte, error) {
	// encoding/base64 skips line breaks even in strict mode.
	if strings.ContainsAny(part, "\r\n") {
		return nil, ErrForm
	}
	// RFC 4648 §3.5: spare bits must be zero, else several strings are one token.
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, ErrForm
	}
	return decoded, nil
}
