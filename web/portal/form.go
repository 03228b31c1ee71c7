package portal

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"unicode/utf8"
)

// sameOrigin tells whether one of our pages sent a form (SEC-67). Browsers say so themselves in Sec-Fetch-Site, which no page can set; those
// that do not are judged by Origin. What says neither is no browser we know, and is refused.
func (v *visit) sameOrigin() bool {
	if site := v.r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	origin := v.r.Header.Get("Origin")
	return origin == v.origin || v.local && origin == "http://"+v.r.Host
}

// formName is the field with which a form shows that a page of this session sent it.
const formName = "csrf"

// formToken is that field's value. It follows from the session's identifier and does not lead back to it.
func (v *visit) formToken() string { return v.derived("form", "") }

func (v *visit) ownForm() bool {
	return subtle.ConstantTimeCompare([]byte(v.form.Get(formName)), []byte(v.formToken())) == 1
}

// derived makes a value that only a page of this session can have.
func (v *visit) derived(purpose, text string) string {
	mac := hmac.New(sha256.New, []byte(v.id))
	mac.Write([]byte("writ portal " + purpose + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// readForm takes the form off the connection. It is the only kind of body, and a field that comes twice is refused.
func (v *visit) readForm() error {
	media, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return errBadForm
	}
	body, err := io.ReadAll(v.r.Body)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return errTooLarge
	}
	if err != nil {
		return errBadForm
	}
	if v.form, err = url.ParseQuery(string(body)); err != nil {
		return errBadForm
	}
	for _, values := range v.form {
		if len(values) > 1 || !utf8.ValidString(values[0]) {
			return errBadForm
		}
	}
	return nil
}

// field is what was entered, as it was.
func (v *visit) field(name string) string { return v.form.Get(name) }

// noticeName is the parameter that tells the page behind a form what was done.
const noticeName = "done"

// withNotice is an address of ours with a text to be shown there. A stranger's link cannot have one shown.
func (v *visit) withNotice(address, key string) string {
	query := url.Values{noticeName: {key + "." + v.derived("notice", key)[:16]}}
	return address + "?" + query.Encode()
}

// notice is the text that the address asks for, if a form of this session made it.
func (v *visit) notice() string {
	given := v.r.URL.Query().Get(noticeName)
	const macSize = 16
	if len(given) <= macSize+1 || v.session == nil {
		return ""
	}
	key, mac := given[:len(given)-macSize-1], given[len(given)-macSize:]
	if subtle.ConstantTimeCompare([]byte(mac), []byte(v.derived("notice", key)[:macSize])) != 1 {
		return ""
	}
	return v.texts.say(key)
}
