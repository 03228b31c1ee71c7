package models

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Names that would shadow a path of the server (wire contract §11.4). Names that start with a dot are refused by their shape.
var (
	reservedOrganizations = []string{
		"management", "portal", "status", "healthz", "readyz", "metrics", "oauth2", "system", "static", "assets", "docs",
		"orgs", "organizations", "o", "apps", "applications", "a",
	}
	reservedApplications = []string{"apps", "applications", "a"}
	reservedGroupWords   = []string{"users", "user", "roles", "role", "permissions", "permission"}
)

var (
	tenantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	roleName   = regexp.MustCompile(`^[\p{L}\p{Nd}][\p{L}\p{M}\p{Nd} _.@+-]*$`) // {0,254} of these classes would take 4 MiB
	groupPath  = regexp.MustCompile(`^[\p{L}\p{M}\p{Nd}.-]+(/[\p{L}\p{M}\p{Nd}.-]+)*$`)
	emailShape = regexp.MustCompile(`^[^@<>"(),:;\\\s\p{Z}\p{C}]+@[^@<>"(),:;\\\s\p{Z}\p{C}]+$`)
)

// OrganizationName folds and checks the name of an organization.
func OrganizationName(name string) (string, error) {
	return tenant("organization", name, reservedOrganizations)
}

// ApplicationName folds and checks the name of an application.
func ApplicationName(name string) (string, error) {
	return tenant("application", name, reservedApplications)
}

func tenant(kind, name string, reserved []string) (string, error) {
	folded := strings.ToLower(name)
	switch {
	// The name as written: some letters beyond ASCII have a lower case within (U+212A becomes k).
	case !tenantName.MatchString(name):
		return "", Illegal("Illegal %s name: %s (1 to 64 letters, digits, '.', '_' or '-', a letter or digit first)", kind, Printable(name))
	case IsUUID(folded):
		return "", Illegal("Illegal %s name: %s has the shape of a uuid", kind, folded)
	case slices.Contains(reserved, folded):
		return "", Illegal("The %s name %s is reserved", kind, folded)
	}
	return folded, nil
}

// Username checks a username and keeps its spelling; Fold gives the form it is unique in.
func Username(name string) (string, error) {
	if strings.EqualFold(name, "me") {
		return "", Illegal("Username 'me' is reserved")
	}
	// A reference that is a dot segment would not survive the way through proxies, and in a rule it would stand for another path.
	if name == "." || name == ".." {
		return "", Illegal("Illegal username: %s", name)
	}
	if n := utf8.RuneCountInString(name); n < 1 || n > 255 || !utf8.ValidString(name) || IsUUID(name) || strings.TrimSpace(name) != name {
		return "", Illegal("Illegal username: %s", Printable(name))
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) && !strings.ContainsRune(" _-.'+@%", r) {
			return "", Illegal("Illegal username: %s", Printable(name))
		}
	}
	return name, nil
}

// Email checks the shape of an e-mail address: one @, no white space or control characters, at most 254 bytes.
func Email(address string) (string, error) {
	if len(address) > 254 || !utf8.ValidString(address) || !IsEmail(address) {
		return "", Illegal("Illegal email: %s", Printable(address))
	}
	return address, nil
}

// RoleName folds and checks the name of a role.
func RoleName(name string) (string, error) {
	folded := strings.ToLower(strings.TrimSpace(name))
	if utf8.RuneCountInString(folded) > 255 || !utf8.ValidString(folded) || !roleName.MatchString(folded) || IsUUID(folded) {
		return "", Illegal("Illegal role name: %s", Printable(name))
	}
	return folded, nil
}

// GroupPath checks the path of a group; surrounding slashes are dropped.
func GroupPath(path string) (string, error) {
	path = strings.Trim(path, "/")
	illegal := Illegal("Illegal characters found in group name: %s", Printable(path))
	if len(path) > 255 || !utf8.ValidString(path) || !groupPath.MatchString(path) || IsUUID(path) {
		return "", illegal
	}
	for segment := range strings.SplitSeq(strings.ToLower(path), "/") {
		if slices.Contains(reservedGroupWords, segment) || segment == "." || segment == ".." {
			return "", illegal
		}
	}
	return path, nil
}

// IsGroupBoundary tells whether a path segment ends a group's path in a URL.
func IsGroupBoundary(segment string) bool {
	return slices.Contains(reservedGroupWords, strings.ToLower(segment))
}

// Label checks the label of a non-expiring token.
func Label(label string) (string, error) {
	if utf8.RuneCountInString(label) > 100 || !utf8.ValidString(label) || Printable(label) != label {
		return "", Illegal("label must be at most 100 printable characters")
	}
	return label, nil
}

// ShownText checks a text that is only shown, as the name of a person or the title of a role: it has no control characters, which
// would break the headers of mails and the lines of logs.
func ShownText(property, text string) error {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) {
		return Illegal("Illegal %s: %s", property, Printable(text))
	}
	return nil
}

// Fold is the form in which names are unique and looked up: lower case.
func Fold(name string) string { return strings.ToLower(name) }

// IsUUID tells whether a reference has the shape of a uuid (36 characters with hyphens).
func IsUUID(reference string) bool {
	return len(reference) == 36 && uuid.Validate(reference) == nil
}

// IsEmail tells whether a reference has the shape of an e-mail address.
func IsEmail(reference string) bool { return emailShape.MatchString(reference) }

// Printable makes foreign text fit to be repeated in an error or a log: control characters become '?', long text is cut.
func Printable(text string) string {
	cleaned := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if utf8.RuneCountInString(cleaned) > 100 {
		cleaned = string([]rune(cleaned)[:100]) + "..."
	}
	return cleaned
}
