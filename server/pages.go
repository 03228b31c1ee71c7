package server

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/web"
)

// acceptsHTML tells whether Accept lists text/html (§7.6). A wildcard lists nothing: programs send it.
func acceptsHTML(h http.Header) bool {
	for _, line := range h.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			media, parameters, err := mime.ParseMediaType(strings.TrimSpace(part))
			if err != nil || media != "text/html" {
				continue
			}
			if q, err := strconv.ParseFloat(parameters["q"], 64); err == nil && q <= 0 {
				continue // RFC 9110 §12.4.2: not acceptable
			}
			return true
		}
	}
	return false
}

// failWithPage has errors of a mail flow shown on a page, if the caller reads pages: a form with what is wrong with it, or a page of its own.
func (r *request) failWithPage(form web.MailPageKind) {
	if !r.wantsPage && !acceptsHTML(r.Request().Header) {
		return
	}
	r.wantsPage = true
	r.errorPage = func(known *grants.Error) web.MailPage {
		kind := form
		switch {
		case errors.Is(known, grants.InvalidLink()):
			kind = web.InvalidToken
		case known.Status >= http.StatusInternalServerError || known.Status == http.StatusTooManyRequests:
			kind = web.Failure
		}
		page := r.mailPage(kind)
		page.Problem = r.server.pages.Problem(known.Code, known.Description)
		if kind == web.InvalidToken {
			page.Problem = ""
		}
		return page
	}
}

// mailPage fills in what a page needs to know of the request.
func (r *request) mailPage(kind web.MailPageKind) web.MailPage {
	base := flowBase(r.tenant)
	page := web.MailPage{
		Kind: kind, Place: placeOf(r.tenant), Action: base + "/resetpw", Again: base + "/resetpw", Min: r.server.Passwords.MinLength(),
	}
	if name := r.param("user"); name != "" {
		page.Action = base + "/" + url.PathEscape(name) + "/resetpw"
	}
	if kind == web.ResetForm {
		page.Token, _ = r.linkToken()
	}
	return page
}

// flowDone answers a mail flow that went well: JSON, or a page if Accept lists text/html.
func (r *request) flowDone(action string, ok bool, page web.MailPageKind) error {
	if r.wantsPage || acceptsHTML(r.Request().Header) {
		return r.showPage(http.StatusOK, r.mailPage(page))
	}
	return r.ok(envelope{Action: action, OK: ok})
}

// showPage writes a page. §1.6: pages are never for other origins.
func (r *request) showPage(status int, page web.MailPage) error {
	body, err := r.server.pages.Render(page)
	if err != nil {
		r.errorPage = nil
		return err
	}
	header := r.Response().Header()
	for name := range header {
		if strings.HasPrefix(name, "Access-Control-") {
			header.Del(name)
		}
	}
	r.server.pages.SetHeaders(header, strings.HasPrefix(r.server.PublicURL, "https:"))
	r.write(status, "text/html; charset=utf-8", body)
	return nil
}
