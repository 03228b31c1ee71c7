package claims

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
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
	header, err := decodePart(head)
	if err != nil {
		return Compact{}, err
	}
	payload, err := decodePart(body)
	if err != nil {
		return Compact{}, err
	}
	signature, err := decodePart(mac)
	if err != nil {
		return Compact{}, err
	}
	token := Compact{Payload: payload, Signature: signature, SigningInput: raw[:len(head)+1+len(body)]}
	members, err := parseObject(header)
	if err != nil {
		return Compact{}, err
	}
	// RFC 7515 §4.1.11: extensions we do not understand must be refused, and we understand none. RFC 7797: b64 is one.
	if _, critical := members["crit"]; critical {
		return Compact{}, fmt.Errorf("%w: critical header", ErrForm)
	}
	for name, into := range map[string]*string{"typ": &token.Header.Type, "alg": &token.Header.Algorithm, "kid": &token.Header.KeyID} {
		text, is := members[name].(string)
		if !is {
			return Compact{}, fmt.Errorf("%w: header %s", ErrForm, name)
		}
		*into = text
	}
	return token, nil
}

// Parse decodes a verified payload strictly: one object, no repeated member, nothing behind it.
func Parse(payload []byte) (*Claims, error) {
	if _, err := parseObject(payload); err != nil {
		return nil, err
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return &c, nil
}

var strictBase64 = base64.RawURLEncoding.Strict()

func decodePart(part string) ([]byte, error) {
	// encoding/base64 skips line breaks even in strict mode.
	if strings.ContainsAny(part, "\r\n") {
		return nil, ErrForm
	}
	decoded, err := strictBase64.DecodeString(part)
	if err != nil {
		return nil, ErrForm
	}
	return decoded, nil
}

const maxDepth = 8

// parseObject reads one JSON object with unique members. RFC 8725bis §3.7: duplicate members are refused.
func parseObject(text []byte) (map[string]any, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrForm)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	value, err := parseValue(decoder, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: trailing data", ErrForm)
	}
	object, is := value.(map[string]any)
	if !is {
		return nil, fmt.Errorf("%w: not an object", ErrForm)
	}
	return object, nil
}

func parseValue(decoder *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deep")
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return parseMembers(decoder, depth)
	case json.Delim('['):
		var list []any
		for decoder.More() {
			value, err := parseValue(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err := decoder.Token()
		return list, err
	}
	return token, nil
}

func parseMembers(decoder *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		key, is := name.(string)
		if !is {
			return nil, errors.New("member name is no string")
		}
		if _, repeated := object[key]; repeated {
			return nil, errors.New("repeated member")
		}
		if object[key], err = parseValue(decoder, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return object, err
}
