package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/writ-auth/writ/claims/strictjson"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// Bounds of a request body.
const (
	maxBody  = 64 << 10
	maxDepth = 16
)

// notation says how a body is written.
type notation int

const (
	noBody notation = iota
	jsonBody
	formBody
)

// input is what a request carries, parsed once. Outside the token endpoints JSON and form bodies are two notations of the same
// thing, which its accessors hide.
type input struct {
	query    params
	notation notation
	form     params // formBody
	json     any    // jsonBody: map[string]any or []any, numbers as json.Number

	raw []byte
}

// dialect of a token request (§1.2).
func (in *input) dialect() grants.Dialect {
	if in.notation == formBody {
		return grants.RFC6749
	}
	return grants.Usergrid
}

// readBody takes the body off the connection and finds its notation by the table of §1.2. GET has none whatever it sends.
func readBody(r *http.Request) (*input, error) {
	in := &input{}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return in, nil
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return in, unsupportedMediaType("a content coding is not supported")
	}
	if r.ContentLength > maxBody {
		return in, bodyTooLarge()
	}
	raw, err := readAtMost(r.Body, r.ContentLength)
	if err != nil {
		return in, err
	}
	in.raw = raw
	in.notation, err = classify(raw, r.Header.Get("Content-Type"))
	return in, err
}

func readAtMost(body io.Reader, length int64) ([]byte, error) {
	if body == nil || length == 0 {
		return nil, nil
	}
	if length > 0 { // the usual case, in one allocation of the right size
		raw := make([]byte, length)
		if _, err := io.ReadFull(body, raw); err != nil {
			return nil, grants.InvalidRequest("body cannot be read").Because(err)
		}
		return raw, nil
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return nil, grants.InvalidRequest("body cannot be read").Because(err)
	}
	if len(raw) > maxBody {
		return nil, bodyTooLarge()
	}
	return raw, nil
}

// classify is the table of §1.2: the first byte decides before the label does.
func classify(raw []byte, contentType string) (notation, error) {
	first := firstByte(raw)
	if first == '{' || first == '[' {
		return jsonBody, nil
	}
	media := ""
	if contentType != "" {
		parsed, _, err := mime.ParseMediaType(contentType)
		if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
			parsed = "?"
		}
		media = parsed
	}
	switch {
	case media == "application/x-www-form-urlencoded":
		return formBody, nil
	case first == 0:
		return noBody, nil
	case media == "application/json":
		return jsonBody, nil
	case media == "":
		return formBody, nil
	}
	return noBody, unsupportedMediaType("the body must be JSON or a form")
}

// firstByte gives the first byte that is no white space, 0 if there is none.
func firstByte(raw []byte) byte {
	for _, b := range raw {
		switch b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
}

// parse reads query and body. documented names the keys of the resource: a JSON key that differs from one only in case is refused.
func (in *input) parse(rawQuery string, documented []string) error {
	var err error
	if in.query, err = parseParams(rawQuery); err != nil {
		return err
	}
	switch in.notation {
	case noBody:
		return nil
	case formBody:
		in.form, err = parseParams(string(in.raw))
		return err
	case jsonBody:
		if firstByte(in.raw) != '{' && firstByte(in.raw) != '[' {
			return jsonParse("the body must be a JSON object or array")
		}
		if in.json, err = strictjson.Decode(in.raw, maxDepth); err != nil {
			return jsonParse(err.Error())
		}
		return checkKeys(in.json, documented)
	}
	return nil
}

// checkKeys refuses Username for username: Go's own decoder, and others, would take one for the other.
func checkKeys(value any, documented []string) error {
	switch body := value.(type) {
	case []any:
		for _, element := range body {
			if err := checkKeys(element, documented); err != nil {
				return err
			}
		}
	case map[string]any:
		for key := range body {
			for _, name := range documented {
				if key != name && strings.EqualFold(key, name) {
					return grants.InvalidRequest(fmt.Sprintf("parameter in wrong case: %s must be written %s", models.Printable(key), name))
				}
			}
		}
	}
	return nil
}

// object gives the body as one object: of a form every first non-empty value, for no body an empty object.
func (in *input) object() (map[string]any, error) {
	switch in.notation {
	case jsonBody:
		object, is := in.json.(map[string]any)
		if !is {
			return nil, models.Illegal("the body must be a JSON object, not an array")
		}
		return object, nil
	case formBody:
		object := make(map[string]any, len(in.form))
		for _, p := range in.form {
			if _, known := object[p.name]; !known && p.value != "" && !isCredential(p.name) {
				object[p.name] = p.value
			}
		}
		return object, nil
	case noBody:
	}
	return map[string]any{}, nil
}

// objects gives the body as a list of objects: an array of them, or the one that object gives.
func (in *input) objects() ([]map[string]any, error) {
	array, is := in.json.([]any)
	if !is {
		object, err := in.object()
		return []map[string]any{object}, err
	}
	list := make([]map[string]any, 0, len(array))
	for _, element := range array {
		object, is := element.(map[string]any)
		if !is {
			return nil, models.Illegal("every element of the body must be a JSON object")
		}
		list = append(list, object)
	}
	return list, nil
}

// value gives a member of the body as it was sent; nil if absent. Empty text and null count as absent (§1.2).
func (in *input) value(name string) any {
	if in.notation == formBody {
		if text := in.form.get(name); text != "" {
			return text
		}
		return nil
	}
	object, _ := in.json.(map[string]any)
	if value := object[name]; value != "" {
		return value
	}
	return nil
}

// text gives a member of the body as text: a string, or a number in its spelling. Absent is "".
func (in *input) text(name string) (string, error) {
	return textOf(name, in.value(name))
}

func textOf(name string, value any) (string, error) {
	switch text := value.(type) {
	case nil:
		return "", nil
	case string:
		return text, nil
	case json.Number:
		return text.String(), nil
	}
	return "", grants.InvalidRequest("parameter must be text: " + name)
}

// texts gives a member that may be one text or an array of them, or a repeated form parameter.
func (in *input) texts(name string) ([]string, error) {
	if in.notation == formBody {
		return in.form.all(name), nil
	}
	var array []any
	switch given := in.value(name).(type) {
	case nil:
		return nil, nil
	case []any:
		array = given
	default:
		array = []any{given}
	}
	list := make([]string, 0, len(array))
	for _, element := range array {
		text, is := element.(string)
		if !is {
			return nil, grants.InvalidRequest("parameter must be text or an array of texts: " + name)
		}
		list = append(list, text)
	}
	return list, nil
}

// flag gives a member that is true or false, in JSON also as text; absent is the default.
func (in *input) flag(name string, absent bool) (bool, error) {
	switch value := in.value(name); value {
	case nil:
		return absent, nil
	case true, "true":
		return true, nil
	case false, "false":
		return false, nil
	}
	return false, grants.InvalidRequest("parameter must be true or false: " + name)
}

// isCredential tells whether a parameter authenticates the request: it is never data of the resource.
func isCredential(name string) bool {
	return name == "access_token" || name == "client_id" || name == "client_secret"
}
