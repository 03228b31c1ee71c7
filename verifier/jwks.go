package verifier

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/writ-auth/writ/claims/strictjson"
)

// maxKeys bounds a key set; Writ publishes a handful.
const maxKeys = 100

// publicKey is one key of a key set, ready for use. It never changes.
type publicKey struct {
	id        string
	algorithm string // canonical
	holds     checker
	text      [sha256.Size]byte // of the JWK, to know it again
}

// parseKeys reads a JWKS (RFC 7517 §5). Keys that cannot be used for tokens are left out, as §5 there demands: of another kind, without kid,
// alg or with a use that is not sig, on no allow-list, private. A kid that two keys have names neither. Keys of the previous set that
// are still the same are kept, so that nobody has to check again what they signed.
func parseKeys(body []byte, algorithms []string, previous map[string]*publicKey) (map[string]*publicKey, error) {
	// No two readers may disagree about what the text says.
	if _, err := strictjson.Decode(body, 8); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage // unlike the fields of a struct, names in other letters are others
	var texts []json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(members["keys"], &texts); err != nil {
		return nil, err
	}
	if len(texts) > maxKeys {
		return nil, fmt.Errorf("%d keys, at most %d", len(texts), maxKeys)
	}
	keys := make(map[string]*publicKey, len(texts))
	twice := map[string]bool{}
	for _, text := range texts {
		key, err := parseKey(text, algorithms, previous)
		if err != nil {
			continue
		}
		if _, twin := keys[key.id]; twin {
			twice[key.id] = true
		}
		keys[key.id] = key
	}
	for id := range twice {
		delete(keys, id)
	}
	if len(keys) == 0 {
		return nil, errors.New("no usable key in the set")
	}
	return keys, nil
}

func parseKey(text []byte, algorithms []string, previous map[string]*publicKey) (*publicKey, error) {
	parsed, err := jwk.ParseKey(text)
	if err != nil {
		return nil, err
	}
	algorithm, known := canonical(parsed.Algorithm().String())
	if !known || !slices.Contains(algorithms, algorithm) || parsed.KeyID() == "" {
		return nil, errors.New("no algorithm of ours")
	}
	if use := parsed.KeyUsage(); use != "" && use != string(jwk.ForSignature) {
		return nil, errors.New("not for signatures")
	}
	mark := sha256.Sum256(text)
	if same := previous[parsed.KeyID()]; same != nil && same.text == mark {
		return same, nil
	}
	var public any
	if err := parsed.Raw(&public); err != nil {
		return nil, err
	}
	// A private key here is a leak; its raw form is none that newChecker takes.
	holds, err := newChecker(algorithm, public)
	if err != nil {
		return nil, err
	}
	return &publicKey{id: parsed.KeyID(), algorithm: algorithm, holds: holds, text: mark}, nil
}
