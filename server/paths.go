package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/writ-auth/writ/models"
)

// byUUID stands in a canonical path for the organization of an application that is named by its uuid alone.
const byUUID = "-"

// nowhere is a path that has no route: what cannot be brought into canonical form goes there.
const nowhere = "/.nowhere"

// canonicalize brings path and query of a request into the one form the route table is written in. A method that no route has is
// replaced by one the router knows, so that it is answered by 405 like the others.
func (s *Server) canonicalize(ctx context.Context, r *http.Request) {
	isApplication := func(id string) bool {
		_, err := s.Grants.Tenant(ctx, byUUID, id)
		return err == nil
	}
	path, ok := canonicalPath(r.URL.EscapedPath(), isApplication)
	if !ok {
		path = nowhere
	}
	// The router reads RawPath first; its parameters are unescaped by request.param.
	r.URL.RawPath = path
	if strings.HasSuffix(path, "/revoketokens") || strings.HasSuffix(path, "/revoketoken") {
		// §1.3: revoketoken?token=T?access_token=T has two parameters.
		r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "?", "&")
	}
	if !routed(r.Method) {
		r.Method = http.MethodPatch
	}
}

func underPortal(path string) bool {
	return path == "/portal" || strings.HasPrefix(path, "/portal/")
}

// canonicalPath resolves aliases (§1.3), drops trailing slashes, gives every segment one spelling of its escapes and makes a group's
// path one segment. ok is false for a path that names nothing: empty or dot segments. isApplication tells whether a uuid is an
// application's; it is asked only for a path that starts with one.
func canonicalPath(escaped string, isApplication func(id string) bool) (path string, ok bool) {
	trimmed := strings.TrimRight(escaped, "/")
	if trimmed == "" {
		return "/", true
	}
	segments := strings.Split(strings.TrimPrefix(trimmed, "/"), "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil || decoded == "" || decoded == "." || decoded == ".." {
			return "", false
		}
		segments[i] = decoded
	}
	switch {
	case segments[0] == "management":
		segments = managementPath(segments)
	case segments[0] == byUUID:
		return "", false // an internal spelling, not one of the wire
	case !isSystem(segments[0]):
		segments = applicationPath(segments, isApplication)
	}
	var out strings.Builder
	out.Grow(len(escaped) + 8)
	for _, segment := range segments {
		out.WriteByte('/')
		out.WriteString(url.PathEscape(segment))
	}
	return out.String(), true
}

func isSystem(first string) bool {
	switch first {
	case "status", "healthz", "readyz", "metrics", "portal":
		return true
	}
	return strings.HasPrefix(first, ".")
}

// managementPath resolves the aliases below /management, position by position: a name may be spelled like an alias.
func managementPath(segments []string) []string {
	if len(segments) > 1 {
		segments[1] = alias(segments[1])
	}
	if len(segments) > 3 {
		segments[3] = alias(segments[3])
	}
	return segments
}

// alias gives the plural that the route table uses.
func alias(segment string) string {
	switch segment {
	case "orgs":
		return "organizations"
	case "apps":
		return "applications"
	}
	return collection(segment)
}

func collection(segment string) string {
	switch segment {
	case "user", "role", "group":
		return segment + "s"
	}
	return segment
}

// applicationPath brings the twelve forms of an application's root to /{org}/{app}, or /-/{uuid}.
func applicationPath(segments []string, isApplication func(id string) bool) []string {
	if isApplications(segments[0]) && len(segments) > 1 && models.IsUUID(segments[1]) {
		segments[0] = byUUID
		return append(segments[:2], resourcePath(segments[2:])...)
	}
	if isOrganizations(segments[0]) && len(segments) > 1 {
		segments = segments[1:]
	} else if models.IsUUID(segments[0]) && (len(segments) == 1 || isApplication(segments[0])) {
		return append([]string{byUUID, segments[0]}, resourcePath(segments[1:])...)
	}
	if len(segments) > 2 && isApplications(segments[1]) {
		segments = append(segments[:1:1], segments[2:]...)
	}
	if len(segments) < 2 {
		return segments
	}
	return append(segments[:2:2], resourcePath(segments[2:])...)
}

func isOrganizations(segment string) bool {
	return segment == "organizations" || segment == "orgs" || segment == "o"
}

func isApplications(segment string) bool {
	return segment == "applications" || segment == "apps" || segment == "a"
}

// resourcePath resolves the aliases behind an application's root and joins the path of a group into one segment.
func resourcePath(segments []string) []string {
	out := make([]string, 0, len(segments))
	for i := 0; i < len(segments); {
		word := collection(segments[i])
		out = append(out, word)
		i++
		if i == len(segments) {
			break
		}
		end := i + 1
		if word == "groups" {
			// §8.3: a group's path may keep its slashes and ends before the first word that cannot be part of it.
			for end < len(segments) && !models.IsGroupBoundary(segments[end]) {
				end++
			}
		}
		out = append(out, strings.Join(segments[i:end], "/"))
		i = end
	}
	return out
}

// behindRoot gives the segments behind an application's root of a canonical path, unescaped.
func behindRoot(canonical string) []string {
	parts := strings.Split(canonical, "/") // "", org, app, …
	if len(parts) < 4 {
		return nil
	}
	segments := parts[3:]
	for i, segment := range segments {
		if decoded, err := url.PathUnescape(segment); err == nil {
			segments[i] = decoded
		}
	}
	return segments
}
