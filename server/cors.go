package server

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
)

// cors allows the caller's origin if a list has it (§1.6). Credentials are never allowed: tokens travel in headers.
func (r *request) cors(list []string) {
	origin := r.Request().Header.Get(echo.HeaderOrigin)
	if origin == "" || len(list) == 0 {
		return
	}
	header := r.Response().Header()
	switch {
	case slices.Contains(list, "*"):
		header.Set(echo.HeaderAccessControlAllowOrigin, "*")
	case slices.Contains(list, origin) && header.Get(echo.HeaderAccessControlAllowOrigin) == "":
		header.Set(echo.HeaderAccessControlAllowOrigin, origin)
		header.Set(echo.HeaderVary, echo.HeaderOrigin)
	}
}

// preflight answers a CORS preflight and tells whether it was one. It looks at no credentials, nor, below an application, whether the
// collection exists: that is for those who may know (§1.6).
func (r *request) preflight(p *pattern) bool {
	request := r.Request()
	if request.Method != http.MethodOptions || request.Header.Get(echo.HeaderOrigin) == "" ||
		request.Header.Get(echo.HeaderAccessControlRequestMethod) == "" || len(p.methods) == 0 && !r.route.ofApplication() {
		return false
	}
	if r.route.ofApplication() {
		if err := r.findTenant(); err != nil {
			r.failed = r.fail(err)
			return true
		}
	}
	header := r.Response().Header()
	if isPublicDocument(p.path) || isFeed(p.path) {
		header.Set(echo.HeaderAccessControlAllowOrigin, "*")
	}
	if header.Get(echo.HeaderAccessControlAllowOrigin) != "" {
		header.Set(echo.HeaderAccessControlAllowMethods, "GET, POST, PUT, DELETE")
		header.Set(echo.HeaderAccessControlAllowHeaders, "authorization, content-type")
	}
	r.status = http.StatusNoContent
	r.Response().WriteHeader(http.StatusNoContent)
	return true
}
