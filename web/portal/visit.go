package portal

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// visit is one request on its way to a handler.
type visit struct {
	*Portal

	w       http.ResponseWriter
	r       *http.Request
	route   route
	started time.Time
	form    url.Values // of a POST

	// file is what a form has uploaded, to be read once; nil if nothing was chosen.
	file     io.Reader
	fileName string

	// id, session and caller are there when somebody is signed in.
	id      string
	session *models.PortalSession
	caller  *grants.Caller

	status int
	cause  error
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// param is a name in the path.
func (v *visit) param(name string) string { return v.r.PathValue(name) }

// query is a parameter of the address.
func (v *visit) query(name string) string { return v.r.URL.Query().Get(name) }

// write sends an answer that is there as a whole.
func (v *visit) write(status int, contentType string, body []byte) {
	h := v.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.status = status
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(body) // the browser may be gone; there is nobody left to tell
	}
}

// redirect sends the browser to a page of ours: after a form with GET, so that reloading repeats nothing.
func (v *visit) redirect(to string) error {
	v.w.Header().Set("Location", to)
	v.status = http.StatusSeeOther
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// done leads back to a page, which tells what was done.
func (v *visit) done(to, notice string) error { return v.redirect(v.withNotice(to, notice)) }

// root is the path of the portal.
const root = "/portal"

// address is a page of ours; names are escaped.
func address(segments ...string) string {
	var out strings.Builder
	out.WriteString(root)
	for _, segment := range segments {
		out.WriteByte('/')
		out.WriteString(url.PathEscape(segment))
	}
	return out.String()
}

// ours gives back the address of a page of this portal, and the first page for everything else: nobody's link must lead elsewhere.
func ours(to string) string {
	at, err := url.Parse(to)
	if err != nil || at.IsAbs() || at.Host != "" || at.Opaque != "" || strings.Contains(to, "\\") {
		return root
	}
	if at.Path != root && !strings.HasPrefix(at.Path, root+"/") || strings.Contains(at.Path, "..") || at.Path == address("sign-in") {
		return root
	}
	return at.RequestURI()
}
